// SPDX-License-Identifier: Apache-2.0
//
// web_example SECONDS [OPTION VALUE]...: serves the page of a synthetic run that moves, prints
// `port N` once it listens, and ends by itself. For tests, and for working on the page.
//   --port N         the port; else any free one
//   --host HOST      where it listens; else 127.0.0.1
//   --cert FILE --key FILE   PEM, for HTTPS
//   --token TEXT     what is asked for
//   --connections N  the most at once
//   --history N      points of each curve
//   --past SECONDS   how much of the run has passed at the start
//   --workers N      1 to 1000; else 5
//   --names hostile  texts that try to be markup
//   --halt WHY       nothing is decided any more
//   --every MS       the time between views; else 250; 0: there is one view only
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "core/clock.h"
#include "web/web_server.h"

namespace causeway {
namespace {

constexpr double kRoundS = 20, kStepsPerRound = 16, kFoldS = 0.8;
constexpr int64_t kRounds = 125, kOfferBytes = 31'000'000, kParameters = 124'000'000;
constexpr int64_t kGoneFrom = 22, kGoneUntil = 26, kAborted = 17;

struct World {
  std::vector<std::string> sites;
  int32_t workers = 5;
  std::string run, halted;
  int64_t started_unix_ms = 0;
};

// A number in [0, 1) that looks like chance and follows from its arguments alone.
double chance(int64_t a, int64_t b) {
  const double x = std::sin(static_cast<double>(a) * 12.9898 + static_cast<double>(b) * 78.233);
  return x * 43758.5453 - std::floor(x * 43758.5453);
}

// The last worker never comes, the third is lost for some rounds.
bool is_there(const World& world, int32_t worker, int64_t round) {
  if (worker == world.workers - 1 && world.workers > 1) return false;
  return worker != 2 || round < kGoneFrom || round > kGoneUntil;
}

double arrival_s(int32_t worker, int64_t round) {
  return 11 + 5.5 * chance(round, worker) + (worker % 2);
}

double loss_at(int64_t step, int32_t worker) {
  const auto s = static_cast<double>(step);
  return 2.9 + 7.4 * std::exp(-std::sqrt(s) / 9) + 0.22 * (worker % 4) +
         0.12 * (chance(step, worker) - 0.5);
}

RoundView round_at(const World& world, int64_t number, double now_s) {
  RoundView round{.round = number, .step = static_cast<int64_t>(kStepsPerRound) * number};
  round.channels = {"parameters"};
  round.opened_s = kRoundS * static_cast<double>(number - 1);
  double last_s = 0;
  for (int32_t worker = 0; worker < world.workers; ++worker) {
    const double at_s = round.opened_s + arrival_s(worker, number);
    const bool lost = number == kAborted && worker % 2 == 1;
    if (!is_there(world, worker, number)) {
      round.absent.emplace_back(worker, worker == 2 ? "no heartbeat for 30 s" : "has never come");
    } else if (lost) {
      round.absent.emplace_back(worker, "its offer is corrupt: block 12 has a wrong checksum");
    } else if (at_s <= now_s) {
      round.arrivals.emplace_back(worker, at_s);
      round.up_bytes += kOfferBytes;
    }
    if (is_there(world, worker, number) && !lost) {
      round.members.push_back(worker);
      last_s = std::max(last_s, at_s);
    }
  }
  if (last_s > now_s) {
    round.members.clear();
    return round;
  }
  round.closed_s = last_s + 0.2;
  round.status = RoundStatus::kClosed;
  if (round.closed_s + kFoldS > now_s) return round;
  round.decided_s = round.closed_s + kFoldS;
  round.status = number == kAborted ? RoundStatus::kAborted : RoundStatus::kCommitted;
  if (number == kAborted)
    round.reason = "2 of 4 offers are usable, the quorum is 3";
  else
    round.result_bytes = kOfferBytes;
  return round;
}

// What has moved by now. A member sends while its offer is on its way, and fetches after the fold.
struct Moved {
  int64_t up = 0, down = 0;
  double up_per_s = 0, down_per_s = 0;
};

Moved moved_by(const World& world, int32_t worker, double now_s) {
  Moved moved;
  const auto bytes = static_cast<double>(kOfferBytes);
  const auto part = [&](double from_s, double took_s, int64_t& sum, double& rate) {
    const double done = std::clamp((now_s - from_s) / took_s, 0.0, 1.0);
    sum += static_cast<int64_t>(done * bytes);
    if (done > 0 && done < 1) rate = bytes / took_s;
  };
  const auto rounds = static_cast<int64_t>(now_s / kRoundS) + 1;
  for (int64_t round = 1; round <= rounds; ++round) {
    if (!is_there(world, worker, round)) continue;
    const double opened_s = kRoundS * static_cast<double>(round - 1);
    const double took_s = 3 + (worker % 3);
    part(opened_s + arrival_s(worker, round) - took_s, took_s, moved.up, moved.up_per_s);
    part(opened_s + 18.6, 1.2, moved.down, moved.down_per_s);
  }
  return moved;
}

MemberView member_at(const World& world, int32_t worker, double now_s) {
  const int64_t round = static_cast<int64_t>(now_s / kRoundS) + 1;
  MemberView member{.worker = worker};
  member.site = world.sites[static_cast<size_t>(worker) % world.sites.size()];
  if (!is_there(world, worker, 1)) {
    member.reason = "has never come";
    return member;
  }
  const Moved moved = moved_by(world, worker, now_s);
  member.address = fmt::format("10.{}.0.{}", worker % 4 + 1, worker + 10);
  member.epoch = member.admissions = 1 + (worker == 2 && round > kGoneUntil);
  member.up_bytes = moved.up;
  member.down_bytes = moved.down;
  member.status = MemberStatus::kTraining;
  const bool gone = !is_there(world, worker, round);
  const double active_s = gone ? kRoundS * static_cast<double>(kGoneFrom - 1) : now_s;
  member.step = static_cast<int64_t>(active_s / kRoundS * kStepsPerRound) - worker % 2;
  member.applied_round = gone ? kGoneFrom - 1 : round - 1;
  member.loss = member.step > 0 ? loss_at(member.step, worker) : 0;
  if (gone) {
    member.status = MemberStatus::kGone;
    member.reason = "no heartbeat for 30 s";
    member.heard_s_ago = now_s - active_s;
    return member;
  }
  if (worker == 2 && round == kGoneUntil + 1) {
    member.status = MemberStatus::kFollowing;
    member.reason = "applies 5 rounds that it missed";
  }
  member.steps_per_s = kStepsPerRound / kRoundS;
  member.tokens_per_s = 26'000 * (1 + 0.1 * chance(static_cast<int64_t>(now_s), worker));
  member.up_bytes_per_s = moved.up_per_s;
  member.down_bytes_per_s = moved.down_per_s;
  member.heard_s_ago = 1.5 * chance(static_cast<int64_t>(now_s * 4), worker + 7);
  member.round_trip_ms = 18 + 40 * (worker % 4) + 4 * chance(static_cast<int64_t>(now_s), worker);
  return member;
}

void add_events(const World& world, HubView& view) {
  const auto add = [&](double at_s, int32_t worker, std::string text) {
    if (at_s <= view.now_s) view.events.push_back({at_s, worker, std::move(text)});
  };
  for (int32_t worker = 0; worker + 1 < std::min(world.workers, 8); ++worker)
    add(0.4 * worker, worker, "admitted, epoch 1");
  if (world.workers > 3) {
    add(kRoundS * (kAborted - 1) + 15, 1, "its offer is corrupt: block 12 has a wrong checksum");
    add(kRoundS * (kAborted - 1) + 17, -1, "round 17 aborted: 2 of 4 offers are usable");
    add(kRoundS * (kGoneFrom - 1) + 1, 2, "gone: no heartbeat for 30 s");
    add(kRoundS * kGoneUntil, 2, "admitted again, epoch 2: follows from round 21");
  }
}

HubView view_at(const World& world, double before_s, double now_s) {
  HubView view{.run = world.run, .method = "diloco", .version = "0.1.0"};
  view.started_unix_ms = world.started_unix_ms;
  view.now_s = std::min(now_s, kRoundS * static_cast<double>(kRounds));
  view.rounds = kRounds;
  view.steps = kRounds * static_cast<int64_t>(kStepsPerRound);
  view.parameters = kParameters;
  view.halted = world.halted;
  const auto newest = std::min(kRounds, static_cast<int64_t>(view.now_s / kRoundS) + 1);
  for (int64_t number = 1; number <= newest; ++number) {
    RoundView round = round_at(world, number, view.now_s);
    if (round.status == RoundStatus::kCommitted || round.status == RoundStatus::kAborted) {
      view.decided_round = number;
      view.decided_step = round.step;
      ++(round.status == RoundStatus::kCommitted ? view.committed : view.aborted);
    }
    if (number + 16 > newest) view.recent.push_back(std::move(round));
  }
  view.finished = view.decided_round == kRounds;
  view.seconds_left = view.finished ? 0 : kRoundS * static_cast<double>(kRounds) - view.now_s;
  for (int32_t worker = 0; worker < world.workers; ++worker) {
    view.members.push_back(member_at(world, worker, view.now_s));
    const MemberView& member = view.members.back();
    view.up_bytes += member.up_bytes;
    view.down_bytes += member.down_bytes;
    const auto since = static_cast<int64_t>(before_s / kRoundS * kStepsPerRound) - worker % 2;
    for (int64_t step = std::max<int64_t>(since + 1, 1); step <= member.step; ++step)
      view.losses.push_back({worker, step, loss_at(step, worker)});
  }
  view.ddp_bytes = static_cast<int64_t>(view.now_s / kRoundS * kStepsPerRound) * 2 * 4 *
                   (world.workers - 1) * kParameters;
  view.spool_bytes = 2 * kOfferBytes;
  view.spool_bytes_max = 2'000'000'000;
  view.log_bytes = 4'096 + 900 * newest;
  view.resident_bytes = 712'000'000;
  add_events(world, view);
  return view;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return failure(Fault::kIo, "{}: cannot read", path);
  return text.str();
}

using Arguments = std::map<std::string, std::string>;

int64_t number_of(const Arguments& arguments, const std::string& name, int64_t otherwise) {
  const auto found = arguments.find(name);
  if (found == arguments.end()) return otherwise;
  const std::string& text = found->second;
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

std::string text_of(const Arguments& arguments, const std::string& name,
                    const std::string& otherwise = {}) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? otherwise : found->second;
}

Result<WebOptions> options_of(const Arguments& arguments) {
  WebOptions options;
  options.host = text_of(arguments, "--host", options.host);
  options.port = number_of(arguments, "--port", 0);
  options.token = text_of(arguments, "--token");
  options.connections_max = number_of(arguments, "--connections", options.connections_max);
  options.history_max = number_of(arguments, "--history", options.history_max);
  if (arguments.contains("--cert")) {
    CW_ASSIGN(options.certificate_pem, read_file(arguments.at("--cert")));
  }
  if (arguments.contains("--key")) {
    CW_ASSIGN(options.key_pem, read_file(arguments.at("--key")));
  }
  return options;
}

World world_of(const Arguments& arguments) {
  World world{.sites = {"bergen", "lisboa", "\u014csaka", "nairobi"}, .run = "four-coasts"};
  if (text_of(arguments, "--names") == "hostile") {
    world.run = "</title><script>alert(1)</script>";
    world.sites = {"<img src=x onerror=alert(1)>", "\"'><svg/onload=alert(2)>", "__proto__",
                   "line\nbreak \x1b[31mred \xff"};
  }
  world.workers = static_cast<int32_t>(number_of(arguments, "--workers", world.workers));
  world.halted = text_of(arguments, "--halt");
  return world;
}

Result<void> serve(double seconds, const Arguments& arguments) {
  CW_ASSIGN(const WebOptions options, options_of(arguments));
  World world = world_of(arguments);
  CW_ASSIGN(const auto server, WebServer::start(options));
  const SystemClock clock;
  const auto past_s = static_cast<double>(number_of(arguments, "--past", 0));
  world.started_unix_ms = clock.unix_ms() - static_cast<int64_t>(past_s * 1000);
  double before_s = 0;
  for (double at_s = 0; at_s < past_s; at_s += 0.5) {
    server->show(view_at(world, before_s, at_s));
    before_s = at_s;
  }
  server->show(view_at(world, before_s, past_s));  // who knows the port finds a view
  std::printf("port %lld\n", static_cast<long long>(server->port()));
  std::fflush(stdout);
  const int64_t start_ns = clock.now_ns(), every_ms = number_of(arguments, "--every", 250);
  for (double at_s = past_s; at_s < past_s + seconds;) {
    if (every_ms > 0) server->show(view_at(world, before_s, at_s));
    before_s = at_s;
    std::this_thread::sleep_for(std::chrono::milliseconds(every_ms > 0 ? every_ms : 250));
    at_s = past_s + static_cast<double>(clock.now_ns() - start_ns) / 1e9;
  }
  return {};
}

}  // namespace
}  // namespace causeway

int main(int argc, char** argv) {
  if (argc < 2 || argc % 2 != 0) return 2;
  causeway::Arguments arguments;
  for (int i = 2; i < argc; i += 2) arguments[argv[i]] = argv[i + 1];
  const auto served = causeway::serve(std::strtod(argv[1], nullptr), arguments);
  if (!served) std::fprintf(stderr, "%s\n", served.error().message.c_str());
  return served.ok() ? 0 : 1;
}
