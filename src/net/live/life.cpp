// SPDX-License-Identifier: Apache-2.0
//
// Connections that come, go, fall silent and are made again; ends that end in the middle of things.
#include <algorithm>
#include <thread>

#include "net/live/raw_peer.h"
#include "net/live/scene.h"

namespace causeway::live {
namespace {

using std::chrono::milliseconds;

ConnectionTimes brisk() {
  ConnectionTimes out;
  out.handshake_ms = 60'000;
  out.ping_ms = 100;
  out.silence_ms = 1'500;
  return out;
}

bool is_loss(const Site& site, const std::string& text) {
  return std::ranges::any_of(site.losses(),
                             [&](const std::string& one) { return one.find(text) != one.npos; });
}

// ---- Again and again.

// Goal: a site finds its hub again whenever that comes back, asks ever more seldom meanwhile, and
// not at the same times as another. Method: a port where for a while nobody listens.
TEST(Reconnecting, BacksOffWithJitterAndComesBack) {
  auto hub = std::make_unique<Hub>();
  const int64_t port = hub->port();
  Site::Scene scenes[2];
  scenes[1].worker = 1;
  for (Site::Scene& scene : scenes) {
    scene.options.retry_ms_min = 40;
    scene.options.retry_ms_max = 640;
  }
  Site site(port, scenes[0]), other(port, scenes[1]);
  ASSERT_TRUE(site.wait_welcome() && other.wait_welcome());
  hub.reset();
  ASSERT_TRUE(wait_until([&] { return site.losses().size() >= 9 && other.losses().size() >= 9; }));
  std::vector<int64_t> gaps[2];
  const Site* const both[] = {&site, &other};
  for (int i = 0; i < 2; ++i) {
    const auto times = both[i]->loss_times();
    for (size_t k = 1; k < times.size(); ++k)
      gaps[i].push_back(std::chrono::duration_cast<milliseconds>(times[k] - times[k - 1]).count());
    for (size_t k = 0; k < 8; ++k) EXPECT_GE(gaps[i][k], std::min<int64_t>(20 << k, 320) - 1) << k;
    // A machine with much else to do makes single ones longer.
    std::ranges::sort(gaps[i]);
    EXPECT_LE(gaps[i][gaps[i].size() / 2], 640 + 100);
  }
  EXPECT_NE(gaps[0], gaps[1]);
  EXPECT_TRUE(is_loss(site, "cannot be reached"));
  Hub::Scene scene;
  scene.options.port = port;
  hub = std::make_unique<Hub>(scene);
  EXPECT_TRUE(site.wait_welcome(2) && other.wait_welcome(2));
  EXPECT_FALSE(site.refused());
}

// Goal: two processes that both are worker 3 do not take turns ten times a second.
TEST(Reconnecting, BacksOffWhereAnotherTakesItsPlaceEachTime) {
  Hub hub;
  Site::Scene scene;
  scene.worker = 3;
  scene.options.retry_ms_min = 20;
  scene.options.retry_ms_max = 4'000;
  Site one(hub.port(), scene);
  ASSERT_TRUE(one.wait_welcome());
  Site two(hub.port(), scene);
  ASSERT_TRUE(two.wait_welcome());
  std::this_thread::sleep_for(milliseconds(3'000));
  EXPECT_LE(one.welcomes() + two.welcomes(), 40);
  EXPECT_GE(hub.noted("3: connected"), 2U);
}

TEST(Reconnecting, TheNewerConnectionOfAWorkerReplacesTheOlder) {
  Hub hub;
  Site older(hub.port());
  ASSERT_TRUE(older.wait_welcome());
  RawPeer::Options raw;
  raw.identity = identity("dickens");
  RawPeer newer(hub.port(), raw);
  ASSERT_TRUE(newer.send_preface(0));
  ASSERT_EQ(newer.receive()->first, FrameKind::kCharter);
  ASSERT_TRUE(wait_until([&] { return !older.losses().empty(); }));
  hub.server().send(want(5));
  std::optional<std::pair<FrameKind, Bytes>> heard;
  do {
    heard = newer.receive();
  } while (heard && heard->first == FrameKind::kPing);
  // Unless the older has come back by then and replaced the newer, which is as it should be.
  if (heard) {
    EXPECT_EQ(heard->first, FrameKind::kMessage);
  }
  EXPECT_TRUE(older.wait_welcome(2));
}

TEST(Reconnecting, TriesEveryAddressOfAHost) {
  Hub hub;  // on 127.0.0.1, while `localhost` is ::1 first on many machines
  Site::Scene scene;
  scene.options.host = "localhost";
  Site site(hub.port(), scene);
  EXPECT_TRUE(site.wait_welcome());
}

TEST(Reconnecting, WorksOverIpv6) {
  Hub::Scene hub_scene;
  hub_scene.options.host = "::1";
  std::unique_ptr<Hub> hub;
  {
    asio::io_context io;
    asio::ip::tcp::acceptor probe(io);
    std::error_code error;
    probe.open(asio::ip::tcp::v6(), error);
    if (!error) probe.bind({asio::ip::make_address("::1"), 0}, error);
    if (error) GTEST_SKIP() << "no IPv6 here";
  }
  hub = std::make_unique<Hub>(hub_scene);
  Site::Scene scene;
  scene.options.host = "::1";
  Site site(hub->port(), scene);
  EXPECT_TRUE(site.wait_welcome());
  EXPECT_EQ(hub->server().links().at(0).address.substr(0, 6), "[::1]:");
}

// ---- Silence.

// Goal: a hub gives up who says nothing for long, though its connection stands. Method: a member
// that was let in and then stands still.
TEST(Silence, AHubGivesUpAPeerThatIsSilent) {
  Hub::Scene scene;
  scene.options.times = brisk();
  Hub hub(scene);
  RawPeer::Options raw;
  raw.identity = identity("dickens");
  RawPeer peer(hub.port(), raw);
  ASSERT_TRUE(peer.send_preface(4));
  EXPECT_TRUE(wait_until([&] { return hub.noted("4: disconnected: nothing was heard for") == 1; }));
}

TEST(Silence, ASiteGivesUpAHubThatIsSilent) {
  RawListener listener;
  Site::Scene scene;
  scene.options.times = brisk();
  Site site(listener.port(), scene);
  RawPeer hub(listener.accept(), identity("hub"));
  ASSERT_TRUE(hub.secured());
  ASSERT_EQ(hub.receive()->first, FrameKind::kPreface);
  ASSERT_TRUE(hub.send_frame(FrameKind::kCharter, some_charter()));
  ASSERT_TRUE(site.wait_welcome());
  EXPECT_TRUE(wait_until([&] { return is_loss(site, "nothing was heard for"); }));
}

TEST(Silence, WhoHasNothingToSayIsNotGivenUp) {
  Hub::Scene hub_scene;
  hub_scene.options.times = brisk();
  Hub hub(hub_scene);
  Site::Scene scene;
  scene.options.times = brisk();
  Site site(hub.port(), scene);
  ASSERT_TRUE(site.wait_welcome());
  EXPECT_TRUE(stays(5'000, [&] { return site.losses().empty(); }));
  EXPECT_GT(hub.server().links().at(0).round_trip_ms, 0);
}

// Goal: a hub that reads nothing, as its inbox is full, neither gives its members up nor is given
// up by them. Method: an inbox that is full for three times the silence.
TEST(Silence, AFullInboxIsNoSilence) {
  std::mutex mutex;
  std::vector<HubServer::Held> held;
  Hub::Scene hub_scene;
  hub_scene.options.times = brisk();
  hub_scene.options.inbox_bytes_max = 10'000;
  hub_scene.receive = [&](const Message&, HubServer::Held one) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(one));
  };
  Hub hub(hub_scene);
  Site::Scene scene;
  scene.options.times = brisk();
  Site site(hub.port(), scene);
  ASSERT_TRUE(site.wait_welcome());
  for (int64_t i = 0; i < 10'000; ++i) site.client().send(ask(i));
  EXPECT_TRUE(
      stays(5'000, [&] { return site.losses().empty() && hub.noted("disconnected") == 0; }));
  EXPECT_LT(hub.count(), 1'000U);
  EXPECT_TRUE(wait_until([&] {
    const std::lock_guard lock(mutex);
    held.clear();
    return hub.count() == 10'000;
  }));
}

// Goal: a charter may take longer than the handshake's deadline and than the silence that is
// borne, as long as it comes. Method: a tokenizer of megabytes on a slow link.
TEST(Silence, ALongCharterOnASlowLinkIsNoSilence) {
  Hub::Scene hub_scene;
  hub_scene.options.times = brisk();
  hub_scene.options.times.handshake_ms = 2'000;
  hub_scene.options.site_send_bytes_per_s = 500'000;
  hub_scene.tokenizer = std::string(3'000'000, 't');
  Hub hub(hub_scene);
  Site::Scene scene;
  scene.options.times = hub_scene.options.times;
  Site site(hub.port(), scene);
  EXPECT_TRUE(site.wait_welcome());
  EXPECT_TRUE(site.losses().empty());
  EXPECT_EQ(hub.noted("disconnected"), 0U);
}

// Goal: who connects and says nothing of use is sent away in time, however often it says a byte.
TEST(Silence, AStrangerHasOneDeadlineForAll) {
  Hub::Scene scene;
  scene.options.times.handshake_ms = 1'000;
  Hub hub(scene);
  RawPeer silent(hub.port()), slow(hub.port());
  const auto began = Clock::now();
  const Bytes hello{std::byte{22}, std::byte{3}, std::byte{1}, std::byte{2}, std::byte{0}};
  std::thread drip([&] {
    for (int i = 0; i < 1'000 && slow.send(ByteSpan(hello).subspan(i < 5 ? i : 4, 1)); ++i)
      std::this_thread::sleep_for(milliseconds(50));
  });
  EXPECT_EQ(silent.drain(), 0U);
  slow.drain();
  drip.join();
  const auto took = Clock::now() - began;
  EXPECT_GE(took, milliseconds(990));
  EXPECT_LE(took, milliseconds(30'000));
}

// ---- Ends in the middle of things.

TEST(Ending, AHubMayStopInAnyCallback) {
  for (const char* where : {"receive", "note"}) {
    std::unique_ptr<Hub> hub;
    std::atomic<bool> may = false, stopped = false;
    const auto stop = [&] {
      if (!may) return;
      hub->stop();
      stopped = true;
    };
    Hub::Scene scene;
    scene.receive = [&](const Message&, const HubServer::Held&) {
      if (std::string(where) == "receive") stop();
    };
    scene.note = [&](const std::string&) {
      if (std::string(where) == "note") stop();
    };
    hub = std::make_unique<Hub>(scene);
    may = true;
    Site site(hub->port());
    site.wait_welcome();
    site.client().send(ask(1));
    EXPECT_TRUE(wait_until([&] { return stopped.load(); })) << where;
    EXPECT_TRUE(wait_until([&] { return !site.losses().empty(); })) << where;
    hub.reset();
  }
}

TEST(Ending, ASiteMayStopInAnyCallback) {
  Hub hub;
  for (const char* where : {"welcomed", "receive", "lost", "refused"}) {
    std::atomic<bool> stopped = false;
    const auto stop_in = [&](const char* name) {
      return [&, name](HubClient& client) {
        if (std::string(where) != name) return;
        client.stop();
        stopped = true;
      };
    };
    Site::Scene scene;
    scene.welcomed = stop_in("welcomed");
    scene.lost = stop_in("lost");
    scene.refused = stop_in("refused");
    scene.receive = [&](HubClient& client, const Message&) { stop_in("receive")(client); };
    if (std::string(where) == "refused") scene.token = "wrong";
    Site site(hub.port(), scene);
    if (std::string(where) == "receive") {
      ASSERT_TRUE(site.wait_welcome());
      hub.server().send(want(1));
    } else if (std::string(where) == "lost") {
      ASSERT_TRUE(site.wait_welcome());
      hub.server().drop(0, "for a test");
    }
    EXPECT_TRUE(wait_until([&] { return stopped.load(); })) << where;
  }
}

TEST(Ending, WhatIsQueuedIsSentFirst) {
  constexpr int64_t kMessages = 300;
  Hub hub;
  auto site = std::make_unique<Site>(hub.port());
  ASSERT_TRUE(site->wait_welcome());
  for (int64_t i = 0; i < kMessages; ++i) site->client().send(ask(i));
  site->stop();
  EXPECT_TRUE(wait_until([&] { return hub.count() == kMessages; })) << hub.count();
  auto other = std::make_unique<Site>(hub.port());
  ASSERT_TRUE(other->wait_welcome());
  for (int64_t i = 0; i < kMessages; ++i) hub.server().send(want(i));
  hub.stop();
  EXPECT_TRUE(wait_until([&] { return other->count() == kMessages; })) << other->count();
  EXPECT_TRUE(is_loss(*other, "closed"));
}

// Goal: what a hub heard may be held longer than its network lives.
TEST(Ending, WhatWasHeardOutlivesTheServer) {
  std::mutex mutex;
  std::vector<std::pair<Message, HubServer::Held>> kept;
  {
    Hub::Scene scene;
    scene.receive = [&](Message message, HubServer::Held held) {
      const std::lock_guard lock(mutex);
      kept.emplace_back(std::move(message), std::move(held));
    };
    Hub hub(scene);
    Site site(hub.port());
    ASSERT_TRUE(site.wait_welcome());
    for (int64_t i = 0; i < 8; ++i) site.client().send(chunk({1, 1}, i << 20, 1 << 20));
    ASSERT_TRUE(wait_until([&] { return hub.count() == 8; }));
  }
  EXPECT_TRUE(std::ranges::equal(std::get<Chunk>(kept[7].first.body).bytes.view(),
                                 pattern({1, 1}, 7 << 20, 1 << 20)));
  kept.clear();
}

// Goal: no order of starting, speaking, being dropped and ending does harm. Method: many short
// lives of a hub and eight sites at once, for the sanitizers to look at.
TEST(Ending, ManyShortLives) {
  for (int life = 0; life < 12; ++life) {
    Hub::Scene scene;
    scene.tls = life % 3 != 0;
    scene.options.strangers_max = 4;
    auto hub = std::make_unique<Hub>(scene);
    std::vector<std::unique_ptr<Site>> sites;
    for (WorkerId i = 0; i < 8; ++i) {
      Site::Scene one;
      one.tls = scene.tls;
      one.worker = i % 6;  // some replace each other
      one.options.retry_ms_min = 1;
      one.options.retry_ms_max = 20;
      sites.push_back(std::make_unique<Site>(hub->port(), one));
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        for (int64_t i = 0; i < 60; ++i) {
          const auto worker = static_cast<WorkerId>(i % 6);
          sites[static_cast<size_t>(i % 8)]->client().send(ask(i, worker));
          hub->server().send(want(i, worker));
          hub->server().send_bulk({1, 1, worker, {1, 2}, 0, 300'000}, 100'000);
          if (t == 1 && i % 10 == 0) hub->server().drop(worker, "for a test");
          if (t == 2 && i % 15 == 0) static_cast<void>(hub->server().links());
          std::this_thread::sleep_for(milliseconds(1));
        }
      });
    for (std::thread& thread : threads) thread.join();
    if (life % 2 == 0) sites.resize(4);
    if (life % 4 < 2) hub.reset();
    sites.clear();
  }
}

// Goal: a connection that is accepted while the hub ends does not hold it up. Method: many that
// say nothing and come while it stops; a handshake's deadline would be a minute.
TEST(Ending, IsNotHeldUpByWhoJustCame) {
  for (int i = 0; i < 20; ++i) {
    Hub::Scene scene;
    scene.options.times.handshake_ms = 600'000;
    auto hub = std::make_unique<Hub>(scene);
    std::atomic<bool> done = false;
    std::vector<std::unique_ptr<RawPeer>> peers;
    std::thread knocker([&] {
      while (!done && peers.size() < 200) peers.push_back(std::make_unique<RawPeer>(hub->port()));
    });
    std::this_thread::sleep_for(milliseconds(i));
    hub->stop();
    done = true;
    knocker.join();
  }
}

}  // namespace
}  // namespace causeway::live
