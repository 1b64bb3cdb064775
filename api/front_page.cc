#include "api/front_page.h"

#include <utility>

#include "api/html.h"

namespace tocsin {
namespace {

// Anybody may see it: it says nothing of what is here.
constexpr std::string_view kBody =
    "<p>This server takes in alerts and pages people. It has no user interface at this address: people use the command "
    "line, "
    "and the links in their messages.</p>"
    "<ul>"
    "<li>Look and answer: <code>tocsin status</code>, <code>tocsin groups</code>, <code>tocsin help</code>; from "
    "another "
    "machine with <code>--server HOST:8912</code>, the gRPC port.</li>"
    "<li>Send alerts: Prometheus and others as to an Alertmanager at this address, anything else to "
    "<code>/v1/integrations/KEY</code>; <code>tocsin integrations</code> prints what to paste.</li>"
    "<li>Silence and look by amtool, karma or Grafana: give them this address as Alertmanager's.</li>"
    "<li>Watch it: <a href=\"metrics\">/metrics</a>, <a href=\"-/healthy\">/-/healthy</a>, <a "
    "href=\"-/ready\">/-/ready</a>.</li>"
    "</ul>"
    "<p>The README beside the program says more.</p>";

}  // namespace

void AddFrontPage(HttpRouter& router) {
  router.Add(HttpMethod::kGet, "/", [](const HttpRequest&, HttpResponder responder) {
    std::move(responder).Send(HtmlPage(200, "tocsin", kBody));
  });
}

}  // namespace tocsin
