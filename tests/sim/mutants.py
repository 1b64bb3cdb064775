#!/usr/bin/env python3
"""Plants bugs in the engine, one at a time, and plays worlds until the simulation finds each: ./dev sim --mutants [NAME ...]
First the plans that have found something are played, then worlds.

A mutant is an edit of one source file. Only that file is compiled anew; the linker takes it in place of the one in the library. The
sources and the build stay as they are. A mutant that survives is a failure: of the simulation, which has a blind spot.
"""
import json
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
OUT = ROOT / "build/mutants"
SECONDS = 150  # of playing, for each

# name, file, what stands there (once), what stands there instead, which program plays it
MODEL, REAL = "simulate_model", "simulate"
MUTANTS = [
    ("outbox row dropped", "engine/responder_outbox.cc",
     "  } else {\n    Send(turn, id);\n  }\n  return id;", "  } else if (id.value() % 16 != 0) {\n    Send(turn, id);\n  }\n  return id;", MODEL),
    ("retry without a timer", "engine/responder_outbox.cc",
     "  turn.Arm(TimerOf(row.id), row.due, TimerGeneration(row));", "", MODEL),
    ("lease without a timer", "engine/responder_outbox.cc",
     "  turn.Arm(TimerOf(row.id), row.lease_until, TimerGeneration(row));", "", MODEL),
    ("cancelled message keeps its gate open", "engine/responder_outbox.cc",
     "  if (row.state == State::kLeased) turn.CloseGate(id);\n", "", MODEL),
    ("key does not name the method", "engine/responder_outbox.cc",
     'row.method.id.value(), "/", static_cast<int>(row.method.kind),\n      "/", row.method.address,', '"",', MODEL),
    # Arming replaces the timer that was there, so none is ever stale: to look at generations too little is no bug that shows. To arm for
    # another one is.
    ("retry timer of another generation", "engine/responder_outbox.cc",
     "row.due, TimerGeneration(row));", "row.due, Generation(TimerGeneration(row).value() + 2));", MODEL),
    ("lease is over before its attempt", "engine/responder_outbox.cc",
     "turn.now().engine + turn.options().lease;", "turn.now().engine + turn.options().lease / 20;", MODEL),
    ("lost answer taken for a failure", "notify/exchange.cc",
     "reply.reached == Reply::Reached::kNothing ? Kind::kRetryLater : Kind::kAmbiguous;", "Kind::kRetryLater;", MODEL),
    ("mail refused for now taken for a yes", "notify/channels/email.cc",
     'reply.stage == "." && reply.status / 100 == 2', 'reply.status / 100 != 5', MODEL),
    ("SMS: server trouble taken for a no", "notify/channels/twilio.cc",
     "{20503, Kind::kRetryLater, false}", "{20503, Kind::kAccepted, false}", MODEL),
    ("webhook without its key", "notify/channels/webhook.cc",
     'absl::StrCat("Idempotency-Key: ", HeaderSafe(notification.idempotency_key))', '"Idempotency-Key: none"', MODEL),
    ("gates stay open", "engine/pipeline_responder.cc", "    found->second.gate->Close();\n", "", MODEL),
    ("answer before the fsync", "engine/pipeline_responder.cc",
     "  decided->done = std::move(done);\n", "  if (done) done(decided->result);\n", MODEL),
    ("attempts before the fsync", "engine/pipeline_responder.cc",
     "  undelivered_.push_back(std::move(decided));\n}\n\nResponderStage::Some",
     "  for (const Effect& effect : decided->effects)\n    if (const auto* start = std::get_if<StartAttempt>(&effect)) Perform(*start);\n"
     "  std::erase_if(decided->effects, [](const Effect& effect) { return std::holds_alternative<StartAttempt>(effect); });\n"
     "  undelivered_.push_back(std::move(decided));\n}\n\nResponderStage::Some", MODEL),
    ("receipt before the fsync", "engine/pipeline_commit.cc",
     "  if (entries_.empty()) durable_at_ = clock_.Read().engine;\n",
     "  durable_at_ = clock_.Read().engine;\n  for (Sealed* sealed : sealed_) {\n    for (const std::uint32_t slot : sealed->acks)\n"
     "      submissions_.Complete(slot, sequence() + entries_.size(), durable_at_);\n    sealed->acks.clear();\n  }\n", MODEL),
    ("no fsync", "storage/journal.cc",
     "  TOCSIN_TRY(active_->WriteAt(active_end_, buffer_));\n  TOCSIN_TRY(active_->Sync());\n",
     "  TOCSIN_TRY(active_->WriteAt(active_end_, buffer_));\n", MODEL),
    ("failed fsync is passed over", "storage/journal.cc",
     "  TOCSIN_TRY(active_->WriteAt(active_end_, buffer_));\n  TOCSIN_TRY(active_->Sync());\n",
     "  TOCSIN_TRY(active_->WriteAt(active_end_, buffer_));\n  active_->Sync().IgnoreError();\n", MODEL),
    ("journal is trimmed too far", "storage/store.cc",
     "std::min(durable, checkpoints_->position()).value() + 1", "std::max(durable, checkpoints_->position()).value() + 1", REAL),
    ("checkpoint says too much", "engine/pipeline_keeper.cc",
     "  position_ = commit_.sequence();", "  position_ = commit_.sequence() + 1;", MODEL),
    ("recovery skips an entry of the shards", "engine/pipeline_recovery.cc",
     "const Sequence from(store_.shards_position().value() + 1);", "const Sequence from(store_.shards_position().value() + 2);", MODEL),
    ("recovery skips an entry of the responder", "engine/pipeline_recovery.cc",
     "    if (entry.sequence <= responder_at) return absl::OkStatus();\n    std::string whole;",
     "    if (entry.sequence.value() <= responder_at.value() + 1) return absl::OkStatus();\n    std::string whole;", MODEL),
    ("delay a second short", "escalation/policy.cc",
     "std::max(step.delay - passed, absl::ZeroDuration())", "std::max(step.delay - passed - absl::Seconds(1), absl::ZeroDuration())", MODEL),
    ("one pass too many", "escalation/policy.cc",
     "} else if (pass < policy.repeats) {", "} else if (pass <= policy.repeats) {", MODEL),
    ("no pause between passes", "escalation/policy.cc",
     "    move.wait = policy.repeat_interval;", "    move.wait = absl::ZeroDuration();", MODEL),
    ("turns begin a turn late", "escalation/rotation.cc",
     "return wall->At(water);", "return wall->At(water) + 1;", MODEL),
    ("a receipt is not waited for", "engine/responder_outbox.cc",
     "      turn.Arm(TimerOf(row.id), turn.now().engine + *patience, TimerGeneration(row));", "      (void)patience;", MODEL),
    ("what was never confirmed goes on by no other method", "engine/responder_outbox.cc",
     "  if (quiet.empty()) IsBundle(row) ? BundleUnconfirmed(turn, row) : MethodFailed(turn, row);", "", MODEL),
    ("a message that was confirmed is found unconfirmed", "engine/responder_outbox.cc",
     "  row.delivered_at = turn.now().wall;\n  turn.Disarm(TimerOf(row.id));", "  row.state = State::kAccepted;", MODEL),
    ("goes again by the provider that failed", "engine/responder_providers.cc",
     "return 1 - Last(row);", "return Last(row);", MODEL),
    # As above; and a run that is over executes nothing, whatever its timers say.
    ("step timer of another generation", "engine/responder_escalations.cc",
     "row.next_at, row.generation);", "row.next_at, Generation(row.generation.value() - 1));", MODEL),
    # When a timer fires is the second time at which is asked whether anybody still wants it: whatever makes a group quiet ends its run.
    # Both must be missing for somebody to be paged; the first is missed at once.
    ("what is held back keeps its run", "engine/responder_groups.cc",
     "            absl::StrFormat(\"all %d alerts are %s\", group.suppressed, group.quiet_reason));\n  StopEscalation(turn, SubjectOf(id), group.quiet_reason);\n",
     "            absl::StrFormat(\"all %d alerts are %s\", group.suppressed, group.quiet_reason));\n", MODEL),
    ("maintenance holds nothing", "engine/responder_holds.cc",
     "  if (why == before->held_by) return;", "  if (why == before->held_by || before->held_by.empty()) return;", MODEL),
    # Of what is decided on; reports are compared with it.
    ("a shard's new count is not looked at", "engine/responder_fired.cc",
     "(known == nullptr || known->total != report.fired_total)", "known != nullptr && known->total != report.fired_total", MODEL),
    ("what fired is compared as a sum over shards", "engine/responder_fired.cc",
     "  return anew;", "  return total > group.fired_total;", MODEL),
    ("what has recovered is remembered", "engine/responder_fired.cc",
     "return report == nullptr || !Holds(*report);", "return false;", MODEL),
    ("acknowledgement never runs out", "engine/responder_acknowledgement.cc",
     "    EndAfter(turn, group, timeout.duration);\n    absl::StrAppend", "    absl::StrAppend", MODEL),
    ("the shorter of snooze and time-out", "engine/responder_acknowledgement.cc",
     "std::max(asked, timeout.duration)", "std::min(asked, timeout.duration)", MODEL),
    ("who had it is not asked again", "engine/responder_acknowledgement.cc",
     "user.set()) also.push_back(user);", "user.set()) also.clear();", MODEL),
    ("resumes with the first step", "engine/responder_escalations.cc",
     "return {std::max(stopped.last_step >= 0 ? stopped.last_step : stopped.next_step - 1, 0), stopped.pass};",
     "return {0, stopped.pass};", MODEL),
    ("step without a timer", "engine/responder_escalations.cc",
     "  turn.Arm(StepTimer(row.id), row.next_at, row.generation);", "", MODEL),
    ("acknowledgement does not stop the policy", "engine/responder_escalations.cc",
     "    Escalation& row = turn.Edit<Escalation>(before->id);\n    End(turn, row, Escalation::State::kStopped);\n    row.stop_reason = reason;\n    NoteAbout(turn, Kind::kEscalationStopped, row, absl::StrCat(\"policy \", row.policy.id.value(), \" stops: \", reason));",
     "    (void)End;", MODEL),
    ("rules twice as late", "engine/responder_pages.cc",
     "page.started_engine + page.rules[next].delay,", "page.started_engine + 2 * page.rules[next].delay,", MODEL),
    ("acknowledgement leaves messages under way", "engine/responder_page_ends.cc",
     'if (page != nullptr ? ends(*page) : !row->goes_on) Cancel(turn, id, absl::StrCat("acknowledged by ", ToAbsl(by)));', "", MODEL),
    ("what was held back is not paged in the end", "engine/responder_groups.cc",
     '    ResumeGroup(turn, id, "no longer held back");', "    group.quiet_reason.clear();", MODEL),
    ("group_wait is not waited for", "engine/responder_groups.cc",
     "const bool waited = !goes_on && live.oldest_start + group.route.group_wait <= turn.now().wall;", "const bool waited = !goes_on;", MODEL),
    ("inhibition holds nothing", "engine/inhibition.cc",
     "    last = found;\n    return true;", "    last = found;\n    return false;", MODEL),
    ("silences hold nothing", "engine/suppressor.cc",
     "return first == MatcherIndex::kNone ? SilenceId() : ids_[first];", "return first == MatcherIndex::kNone ? SilenceId() : SilenceId();", MODEL),
    ("a beat without a canary", "server/beats.cc",
     "if (seen.canaries && !seen.arrived && seen.why_not.empty()) return Verdict::kNotNow;", "", MODEL),
    ("a beat although pages would not go out", "server/beats.cc",
     "return seen.why_not.empty() ? Verdict::kSend : Verdict::kWithhold;", "return Verdict::kSend;", MODEL),
    ("only the first canary is waited for", "server/canary_round.cc",
     "    if (arrived) state_->key.clear();", "    arrived = arrived || arrived_count_.load() > 0;\n    if (arrived) state_->key.clear();", MODEL),
    ("a missing canary is not told of", "server/canary_round.cc",
     "is_waiting_ && now - waiting_since_ >= kMissedAfter;", "is_waiting_ && now - waiting_since_ >= 100 * kMissedAfter;", MODEL),
    ("a canary that is given up is the last one", "server/canary_round.cc",
     "    under_way_ = false;\n    next_ = now;", "    next_ = now;", MODEL),
    ("the canary goes past the door for alerts", "engine/pipeline_watch.cc",
     "if (published == nullptr || published->integrations.empty()) {", "if (published == nullptr || !published->integrations.empty()) {", MODEL),
    ("what is held back is missed by the auditor", "engine/responder_audit.cc",
     "  if (escalation->state == Escalation::State::kStopped) return std::nullopt;", "", MODEL),
    ("an incident's entries are lost at a crash", "engine/pipeline_recovery.cc",
     "    return store_.ApplyChange(**change, entry.sequence);",
     "    Change kept = **change;\n"
     "    std::erase_if(kept.entries, [](const TimelineEntry& of) { return of.subject.kind == SubjectKind::kIncident; });\n"
     "    return store_.ApplyChange(kept, entry.sequence);", MODEL),
    ("an incident's acknowledgement is not read back", "model/codec/response_proto.cc",
     '  to.opened_by = from.opened_by();\n  decode.Take("opened_at", from.opened_at(), to.opened_at);\n'
     '  decode.Take("acknowledged_at", from.acknowledged_at(), to.acknowledged_at);\n  to.acknowledged_by = from.acknowledged_by();\n',
     '  to.opened_by = from.opened_by();\n  decode.Take("opened_at", from.opened_at(), to.opened_at);\n'
     '  decode.Take("acknowledged_at", from.acknowledged_at(), to.acknowledged_at);\n', MODEL),
    ("what a small change says is not journalled", "model/codec/response_codec.cc",
     "  list(F::kEntriesFieldNumber, from.entries);", "  if (from.rows.size() > 2) list(F::kEntriesFieldNumber, from.entries);", MODEL),
    ("who closes an incident is not written down", "engine/responder_access.cc",
     "if (IsOfTheMachine(command.body) || !turn.HasFacts()) return;",
     "if (IsOfTheMachine(command.body) || !turn.HasFacts() || std::holds_alternative<ResolveIncident>(command.body)) return;", MODEL),
    ("audit chain begins anew at each start", "storage/audit_chain.cc",
     "  ends_ = ends.value_or(AuditEnds());", "  ends_ = AuditEnds();", REAL),
    ("audit chain's end is not kept", "storage/audit_chain.cc",
     "entry.at, kept));\n  is_there_ = true;\n", "entry.at, kept));\n  if (is_there_) return absl::OkStatus();\n  is_there_ = true;\n", REAL),
]


def commands():
    found = subprocess.run(["ninja", "-C", BUILD, "-t", "compdb"], capture_output=True, text=True, check=True).stdout
    return {entry["file"]: entry["command"] for entry in json.loads(found[found.index("["):]) if entry["file"].endswith(".cc")}


def link_command(program):
    listed = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", f"tests/{program}"], capture_output=True, text=True, check=True).stdout
    return next(line for line in listed.splitlines() if f"-o tests/{program}" in line)


def build(number, path, before, after, program, compile_of):
    source = (ROOT / path).read_text()
    if source.count(before) != 1:
        return f"stands {source.count(before)} times in {path}"
    folder = OUT / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    mutant, object_file = folder / pathlib.Path(path).name, folder / "mutant.o"
    mutant.write_text(source.replace(before, after))
    command = compile_of[str(ROOT / path)]
    command = re.sub(r"-o \S+", "-o " + shlex.quote(str(object_file)), command)
    command = re.sub(r"-M[DP]\b|-M[TF] \S+", "", command).replace("-Werror", "")
    command = re.sub(r"-c \S+", "-c " + shlex.quote(str(mutant)), command)
    done = subprocess.run(command, shell=True, cwd=BUILD, capture_output=True, text=True)
    if done.returncode:
        return "does not compile: " + next((line for line in done.stderr.splitlines() if "error:" in line), done.stderr[-200:])
    link = link_command(program).replace(f"-o tests/{program}", f"-o {folder}/{program} {object_file}")
    done = subprocess.run(link, shell=True, cwd=BUILD, capture_output=True, text=True)
    object_file.unlink()
    return "does not link: " + done.stderr[-300:] if done.returncode else ""


def play(number, program):
    binary = OUT / str(number) / program
    try:
        for plan in sorted((ROOT / "tests/sim/plans").glob("*.plan")):
            done = subprocess.run([binary, "--plan", plan, "--tries", "0"], capture_output=True, timeout=SECONDS)
            if done.returncode:
                return f"by {plan.name}"
        done = subprocess.run([binary, "--minutes", str(SECONDS / 60), "--failures", "1", "--tries", "0"], capture_output=True, text=True,
                              timeout=SECONDS * 3)
        said = next((line for line in done.stdout.splitlines() if line.startswith("seed ")), "")
        if done.returncode < 0:
            said = f"it ends with signal {-done.returncode}"
    except subprocess.TimeoutExpired:
        said = "it hangs"
    binary.unlink()
    return said


def main():
    wanted = sys.argv[1:]
    compile_of = commands()
    survivors = []
    caught = 0
    for number, (name, path, before, after, program) in enumerate(MUTANTS):
        if wanted and not any(word in name for word in wanted):
            continue
        began = time.monotonic()
        problem = build(number, path, before, after, program, compile_of)
        built = time.monotonic()
        said = "" if problem else play(number, program)
        caught += bool(said)
        if not said:
            survivors.append(name)
        print(f"{name:45} {'caught' if said else 'BROKEN' if problem else 'SURVIVES':8} {time.monotonic() - built:6.1f} s  {said[:110] or problem}", flush=True)
    print(f"{caught} mutants caught, {len(survivors)} not" + "".join(f"\n  {name}" for name in survivors))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
