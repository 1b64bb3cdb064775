#include "bench/grpc_load.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "bench/rig.h"
#include "tocsin/v1/ingest.grpc.pb.h"

namespace tocsin {
namespace {

constexpr char kStreamMethod[] = "/tocsin.v1.IngestService/Stream";
constexpr std::size_t kCredit = 16;
constexpr absl::Duration kLook = absl::Microseconds(50);  // a paced stream looks for answers this often
constexpr char kUnaryMethod[] = "/tocsin.v1.IngestService/Ingest";

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address, int number) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("bench.channel", number);  // a connection of its own
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void Authorize(grpc::ClientContext& context) {
  context.AddMetadata("authorization", absl::StrFormat("Bearer %s", kStreamKey));
}

// What one thread drives: writes while `room`, and tells of each answer.
class Stream {
 public:
  Stream(const std::string& address, int number) : channel_(ChannelTo(address, number)), stub_(channel_) {
    Authorize(context_);
    stream_ = stub_.PrepareCall(&context_, kStreamMethod, &queue_);
    stream_->StartCall(nullptr);
    Next();
  }
  ~Stream() {
    context_.TryCancel();
    queue_.Shutdown();
    while (Next() != nullptr) {
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool WaitForCredit() {
    stream_->Read(&response_, this);
    Next();
    return ok_;
  }
  void Read() { stream_->Read(&response_, this); }
  void Write(const grpc::ByteBuffer& message) {
    writing_ = true;
    stream_->Write(message, &writing_);
  }
  enum class Happened {
    kWritten,
    kAnswered,
    kNothing,  // until the deadline
    kOver,
  };
  Happened Wait(absl::Time until) {
    void* tag = nullptr;
    switch (queue_.AsyncNext(&tag, &ok_, absl::ToChronoTime(until))) {
      case grpc::CompletionQueue::TIMEOUT: return Happened::kNothing;
      case grpc::CompletionQueue::SHUTDOWN: return Happened::kOver;
      case grpc::CompletionQueue::GOT_EVENT: break;
    }
    if (!ok_) return Happened::kOver;
    if (tag == &writing_) {
      writing_ = false;
      return Happened::kWritten;
    }
    return Happened::kAnswered;
  }
  // As Wait, without its deadline's grain of a millisecond.
  Happened Poll(absl::Duration at_most) {
    const Happened happened = Wait(absl::UnixEpoch());
    if (happened == Happened::kNothing && at_most > absl::ZeroDuration()) absl::SleepFor(at_most);
    return happened;
  }
  bool writing() const { return writing_; }

 private:
  void* Next() {
    void* tag = nullptr;
    return queue_.Next(&tag, &ok_) ? this : nullptr;
  }

  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer response_;
  bool writing_ = false;
  bool ok_ = false;
};

// What the threads of a load share.
struct Board {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> failed{false};
};

// Samples until the load is over; leaves the board stopped.
Progress Watch(Board& board, absl::Duration warm, absl::Duration seconds, std::uint64_t messages) {
  absl::SleepFor(messages > 0 ? absl::ZeroDuration() : warm);
  Progress progress;
  const std::uint64_t before = board.answered;
  const absl::Time start = absl::Now();
  const auto over = [&] {
    if (board.failed) return true;
    return messages > 0 ? board.answered >= messages : absl::Now() - start >= seconds;
  };
  do {
    absl::SleepFor(absl::Milliseconds(20));
    progress.samples.emplace_back(absl::Now() - start, board.answered - before);
  } while (!over());
  progress.took = progress.samples.back().first;
  progress.answered = progress.samples.back().second;
  progress.complete = !board.failed;
  board.stop = true;
  return progress;
}

void DriveStream(const StreamLoad& load, int number, Board& board) {
  Stream stream(load.address, number);
  if (load.waits_for_credit && !stream.WaitForCredit()) {
    board.failed = true;
    return;
  }
  stream.Read();
  int under_way = 0;
  bool more = true;
  while (!board.stop && (more || under_way > 0)) {
    if (more && !stream.writing() && under_way < load.window) {
      const std::uint64_t n = board.next.fetch_add(1, std::memory_order_relaxed);
      more = load.messages == 0 || n < load.messages;
      if (!more) continue;  // with nothing under way nothing would wake it
      stream.Write(load.message(n));
      ++under_way;
    }
    switch (stream.Wait(absl::InfiniteFuture())) {
      case Stream::Happened::kAnswered:
        --under_way;
        board.answered.fetch_add(1, std::memory_order_relaxed);
        stream.Read();
        break;
      case Stream::Happened::kOver: board.failed = board.failed || !board.stop; return;
      case Stream::Happened::kWritten:
      case Stream::Happened::kNothing: break;
    }
  }
}

void NoteAnswer(Answers& answers, absl::Time due, absl::Time last) {
  const absl::Time now = absl::Now();
  answers.latencies.push_back(now - due);
  answers.gaps.push_back(now - last);
  if (now - last > Answers::kLong) answers.long_gaps.emplace_back(last, now);
}

// One stream's messages, each at its instant; what came of them in order.
Answers DrivePaced(const PacedLoad& load, int number, absl::Time start, Board& board) {
  Answers answers;
  Stream stream(load.address, number);
  if (!stream.WaitForCredit()) return answers;
  stream.Read();
  const absl::Duration apart = absl::Seconds(load.streams / load.messages_per_second);
  absl::Time due = start + apart * number / load.streams;
  std::deque<absl::Time> unanswered;
  absl::Time last = start;
  while (due < start + load.seconds || !unanswered.empty()) {
    const absl::Time now = absl::Now();
    // Beyond its credit a stream is cut off; what waits for an answer then is late from its own instant on, all the same.
    const bool has_credit = unanswered.size() < kCredit;
    if (has_credit && !stream.writing() && due <= now && due < start + load.seconds) {
      unanswered.push_back(due);
      due += apart;
      stream.Write(load.message(board.next.fetch_add(1, std::memory_order_relaxed)));
    }
    const bool may_write = unanswered.size() < kCredit && !stream.writing() && due < start + load.seconds;
    switch (stream.Poll(std::min(kLook, may_write ? due - absl::Now() : kLook))) {
      case Stream::Happened::kAnswered:
        NoteAnswer(answers, unanswered.front(), last);
        last = absl::Now();
        unanswered.pop_front();
        stream.Read();
        break;
      case Stream::Happened::kOver: return {};
      case Stream::Happened::kWritten:
      case Stream::Happened::kNothing: break;
    }
  }
  return answers;
}

struct UnaryCall {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer response;
  grpc::Status status;
};

void DriveUnary(const UnaryLoad& load, int number, int under_way, Board& board) {
  grpc::GenericStub stub(ChannelTo(load.address, number));
  grpc::CompletionQueue queue;
  std::deque<UnaryCall> calls(static_cast<std::size_t>(under_way));
  const auto begin = [&](UnaryCall& call) {
    call.context = std::make_unique<grpc::ClientContext>();
    Authorize(*call.context);
    call.reader =
        stub.PrepareUnaryCall(call.context.get(), kUnaryMethod, load.message(board.next.fetch_add(1)), &queue);
    call.reader->StartCall();
    call.reader->Finish(&call.response, &call.status, &call);
  };
  for (UnaryCall& call : calls)
    begin(call);
  int left = under_way;
  void* tag = nullptr;
  bool ok = false;
  while (left > 0 && queue.Next(&tag, &ok)) {
    UnaryCall& call = *static_cast<UnaryCall*>(tag);
    if (!call.status.ok()) board.failed = true;
    board.answered.fetch_add(1, std::memory_order_relaxed);
    if (board.stop || board.failed) {
      --left;
    } else {
      begin(call);
    }
  }
}

using RawService = v1::IngestService::WithRawCallbackMethod_Stream<
    v1::IngestService::WithRawCallbackMethod_Ingest<v1::IngestService::Service>>;

const grpc::ByteBuffer& Answer() {
  static const grpc::Slice slice("\x10\xf4\x03");  // accepted: 500
  static const grpc::ByteBuffer buffer(&slice, 1);
  return buffer;
}

class SinkStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  SinkStream() { StartRead(&request_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartWrite(&Answer());
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request_;
};

class SinkService final : public RawService {
 public:
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(grpc::CallbackServerContext*) override {
    return new SinkStream;
  }
  grpc::ServerUnaryReactor* Ingest(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer*,
                                   grpc::ByteBuffer* response) override {
    *response = Answer();
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

double Progress::PerSecond(std::uint64_t from, std::uint64_t to) const {
  const auto when = [this](std::uint64_t count) {
    const auto found = std::ranges::lower_bound(samples, count, {}, &std::pair<absl::Duration, std::uint64_t>::second);
    return found == samples.end() ? samples.back() : *found;
  };
  const auto [start, first] = from == 0 ? std::pair<absl::Duration, std::uint64_t>() : when(from);
  const auto [end, last] = when(to);
  return end > start ? static_cast<double>(last - first) / absl::ToDoubleSeconds(end - start) : 0;
}

Progress RunStreams(const StreamLoad& load) {
  Board board;
  std::vector<std::thread> threads;
  for (int s = 0; s < load.streams; ++s)
    threads.emplace_back([&, s] { DriveStream(load, s, board); });
  const Progress progress = Watch(board, load.warm, load.seconds, load.messages);
  for (std::thread& thread : threads)
    thread.join();
  return progress;
}

Answers RunPacedForAnswers(const PacedLoad& load) {
  Board board;
  const absl::Time start = absl::Now() + absl::Milliseconds(500);
  std::vector<Answers> of_streams(static_cast<std::size_t>(load.streams));
  std::vector<std::thread> threads;
  for (int s = 0; s < load.streams; ++s)
    threads.emplace_back([&, s] { of_streams[static_cast<std::size_t>(s)] = DrivePaced(load, s, start, board); });
  for (std::thread& thread : threads)
    thread.join();
  Answers all;
  for (const Answers& answers : of_streams) {
    all.latencies.insert(all.latencies.end(), answers.latencies.begin(), answers.latencies.end());
    all.gaps.insert(all.gaps.end(), answers.gaps.begin(), answers.gaps.end());
    all.long_gaps.insert(all.long_gaps.end(), answers.long_gaps.begin(), answers.long_gaps.end());
  }
  return all;
}

std::vector<absl::Duration> RunPaced(const PacedLoad& load) {
  return RunPacedForAnswers(load).latencies;
}

Progress RunUnary(const UnaryLoad& load) {
  constexpr int kThreads = 2;
  Board board;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] { DriveUnary(load, t, load.under_way / kThreads, board); });
  const Progress progress = Watch(board, load.warm, load.seconds, 0);
  for (std::thread& thread : threads)
    thread.join();
  return progress;
}

int RunSink(const std::string& address) {
  SinkService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
  return 0;
}

}  // namespace tocsin
