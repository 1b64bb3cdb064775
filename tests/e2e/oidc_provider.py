"""A provider of OpenID Connect on a real socket: discovery, keys, the authorization code flow with PKCE as RFC 6749, 7636 and OpenID
Connect Core have it (it refuses what they tell it to refuse), userinfo, logout; and, on demand, everything that a broken or hostile
provider does. Standard library only; keys are made and used by openssl."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import secrets
import subprocess
import threading
import time
import urllib.parse

from harness import QuietServer


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, check=True, capture_output=True).stdout


class Key:
    """kind: rsa or ec (P-256)."""

    def __init__(self, folder, name, kind="rsa"):
        self.name, self.kind = name, kind
        self.path = pathlib.Path(folder) / f"{name}.pem"
        options = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("genpkey", "-algorithm", *options, "-out", self.path)
        self.der = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")

    def jwk(self):
        if self.kind == "ec":
            return {"kty": "EC", "crv": "P-256", "kid": self.name, "use": "sig", "alg": "ES256",
                    "x": b64(self.der[-64:-32]), "y": b64(self.der[-32:])}
        modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "kid": self.name, "use": "sig", "alg": "RS256", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}

    def sign(self, data):
        signature = openssl("dgst", "-sha256", "-sign", self.path, data=data)
        if self.kind == "rsa":
            return signature
        numbers, rest = [], signature[2:]  # SEQUENCE { INTEGER r, INTEGER s }
        while rest:
            size = rest[1]
            numbers.append(int.from_bytes(rest[2:2 + size], "big").to_bytes(32, "big"))
            rest = rest[2 + size:]
        return b"".join(numbers)


class Provider:
    """`person`: the claims of whoever sits at its login page. What it does wrong:
    claims(dict), header(dict): change what is signed; signer: "key", "none", "hs256" (with the public key as the secret), "foreign";
    answers: path -> function(handler) that answers in place of the provider."""

    def __init__(self, folder, client_id="tocsin", client_secret="client-secret-which-nobody-may-see", port=0):
        self.folder = folder
        self.client_id, self.client_secret = client_id, client_secret
        self.redirect_uris = []
        self.keys = [Key(folder, "first"), Key(folder, "curve", "ec")]
        self.foreign = Key(folder, "foreign")
        self.signing = self.keys[0]
        self.person = {}
        self.more = {}  # userinfo says so beside
        self.error = None
        self.iss = True
        self.be_good()
        self.codes, self.issued, self.asked, self.problems = {}, [], [], []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked.append(self.path)
                url = urllib.parse.urlsplit(self.path)
                if url.path in provider.answers:
                    return provider.answers[url.path](self)
                query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
                if url.path == "/.well-known/openid-configuration":
                    return self.json(200, provider.metadata())
                if url.path == "/jwks":
                    return self.json(200, {"keys": [key.jwk() for key in provider.keys]})
                if url.path == "/authorize":
                    return provider.authorize(self, query)
                if url.path == "/userinfo":
                    return provider.userinfo(self)
                return self.json(404, {})

            def do_POST(self):
                provider.asked.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path in provider.answers:
                    return provider.answers[self.path](self)
                form = dict(urllib.parse.parse_qsl(body, strict_parsing=True, keep_blank_values=True))
                return provider.token(self, form) if self.path == "/token" else self.json(404, {})

            def json(self, status, body):
                self.raw(status, json.dumps(body).encode())

            def raw(self, status, data, headers=()):
                self.send_response(status)
                for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(data))), *headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = QuietServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def be_good(self):
        self.claims, self.header, self.signer, self.answers = {}, {}, "key", {}

    def metadata(self):
        return {"issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize",
                "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/jwks",
                "userinfo_endpoint": self.issuer + "/userinfo", "end_session_endpoint": self.issuer + "/logout",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"], "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": self.iss}

    def authorize(self, handler, query):
        wrong = [name for name, good in (
            ("response_type", query.get("response_type") == "code"), ("client_id", query.get("client_id") == self.client_id),
            ("redirect_uri", query.get("redirect_uri") in self.redirect_uris), ("scope", "openid" in query.get("scope", "").split()),
            ("code_challenge_method", query.get("code_challenge_method") == "S256"),
            ("code_challenge", len(query.get("code_challenge", "")) == 43), ("state", len(query.get("state", "")) >= 22),
            ("nonce", len(query.get("nonce", "")) >= 22)) if not good]
        if wrong:  # RFC 6749, 4.1.2.1: nobody is led to an address that is not registered
            self.problems.append((wrong, query))
            return handler.json(400, {"error": "invalid_request", "error_description": str(wrong)})
        answer = {"state": query["state"], **({"iss": self.issuer} if self.iss else {})}
        if self.error:
            answer |= self.error
        else:
            code = secrets.token_urlsafe(24)
            self.codes[code] = {**query, "person": dict(self.person), "at": time.time()}
            self.issued.append(code)
            answer["code"] = code
        location = query["redirect_uri"] + "?" + urllib.parse.urlencode(answer)
        return handler.raw(302, b"", [("Location", location)])

    def token(self, handler, form):
        expected = "Basic " + base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if handler.headers.get("Authorization") != expected:
            return handler.json(401, {"error": "invalid_client"})
        begun = self.codes.pop(form.get("code"), None)
        fits = begun and form.get("grant_type") == "authorization_code" and form.get("redirect_uri") == begun["redirect_uri"] and \
            b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest()) == begun["code_challenge"]
        if not fits:
            return handler.json(400, {"error": "invalid_grant", "error_description": "the code is <b>not good</b>"})
        access = secrets.token_urlsafe(24)
        self.issued.append(access)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": begun["nonce"],
                  "at_hash": b64(hashlib.sha256(access.encode()).digest()[:16]), **begun["person"]}
        id_token = self.sign({**claims, **self.claims})
        self.issued.append(id_token)
        self.access = {access: begun["person"]}
        return handler.json(200, {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": id_token})

    def userinfo(self, handler):
        person = self.access.get(handler.headers.get("Authorization", "").removeprefix("Bearer "))
        if person is None:
            return handler.json(401, {"error": "invalid_token"})
        return handler.json(200, {"sub": person["sub"], **self.more})

    def sign(self, claims, typ="JWT"):
        key = self.foreign if self.signer == "foreign" else self.signing
        algorithm = {"none": "none", "hs256": "HS256"}.get(self.signer, "RS256" if key.kind == "rsa" else "ES256")
        header = {"alg": algorithm, "typ": typ, "kid": self.signing.name, **self.header}
        # What is None is left out.
        parts = [{k: v for k, v in part.items() if v is not None} for part in (header, claims)]
        data = ".".join(b64(json.dumps(part).encode()) for part in parts).encode()
        if self.signer == "none":
            return data.decode() + "."
        if self.signer == "hs256":
            pem = openssl("pkey", "-in", key.path, "-pubout")
            return data.decode() + "." + b64(hmac.new(pem, data, hashlib.sha256).digest())
        return data.decode() + "." + b64(key.sign(data))

    def logout_token(self, **claims):
        now = int(time.time())
        return self.sign({"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8),
                          "events": {"http://schemas.openid.net/event/backchannel-logout": {}}, **claims}, "logout+jwt")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Browser:
    """Keeps cookies by host as a browser does, and follows nothing by itself."""

    def __init__(self):
        self.cookies = {}

    def ask(self, url, body=None, headers=None):
        import http.client
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        jar = self.cookies.setdefault(parts.netloc, {})
        sent = dict(headers or {})
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        connection.request("GET" if body is None else "POST", parts.path + ("?" + parts.query if parts.query else ""), body, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            jar.pop(name, None)
            if "Max-Age=0" not in line:
                jar[name] = value
        connection.close()
        return answer.status, text, answer.headers

    def to_provider(self, start):
        """The address at the provider to which a login leads."""
        status, text, headers = self.ask(start)
        assert status == 303, (status, text)
        return headers["Location"]

    def back(self, start):
        """The address with which the provider leads back."""
        status, text, headers = self.ask(self.to_provider(start))
        assert status == 302, (status, text)
        return headers["Location"]

    def log_in(self, start):
        return self.ask(self.back(start))
