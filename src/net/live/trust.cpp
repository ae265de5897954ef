// SPDX-License-Identifier: Apache-2.0
//
// Who is let in, who is not and is told so, and what those may do who are not, or who lie.
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "net/live/raw_peer.h"
#include "net/live/scene.h"

namespace causeway::live {
namespace {

RawPeer::Options as(const std::string& name) {
  RawPeer::Options out;
  out.identity = identity(name);
  return out;
}

/// Waits for the site's verdict; what it was refused for.
std::string refusal(const Site& site) {
  if (!wait_until([&] { return site.refused().has_value(); })) return "not refused";
  EXPECT_EQ(site.welcomes(), 0);
  return site.refused()->message;
}

// ---- Refusals are told as such.

TEST(Refusing, TellsWhyAtOnceAndTheSiteTriesNoMore) {
  Hub hub;
  Site::Scene wrong;
  wrong.token = "wrong";
  Site site(hub.port(), wrong);
  EXPECT_EQ(refusal(site), "the token is wrong");
  EXPECT_TRUE(site.losses().empty());
  Site::Scene none;
  none.worker = 100;
  Site other(hub.port(), none);
  EXPECT_EQ(refusal(other), "worker 100 is none");
  EXPECT_TRUE(wait_until([&] { return hub.noted("refused from 127.0.0.1") == 2; }));
}

// Goal: that its certificate does not serve is told to a site as a refusal, never as a connection
// that was cut, though in TLS 1.3 the verdict comes after the site's own handshake, when it has
// already said more. Method: many attempts.
TEST(Refusing, ACertificateThatDoesNotServeIsNeverTakenForACut) {
  Hub hub;
  for (int i = 0; i < 100; ++i) {
    Site::Scene scene;
    scene.context = "other-site";
    Site site(hub.port(), scene);
    ASSERT_EQ(refusal(site), "it does not take our certificate: tlsv1 alert unknown ca") << i;
    ASSERT_TRUE(site.losses().empty()) << i << ": " << site.losses().front();
  }
  EXPECT_GE(hub.noted("-1: 127.0.0.1"), 1U);
  EXPECT_LE(hub.noted("was not let in"), 90U);  // at most one a second is noted
  EXPECT_EQ(hub.noted("its certificate does not serve"), hub.noted("was not let in"));
}

// Goal: the same where the site has much to say before it looks. Method: a peer whose preface is
// followed by more than the socket holds, and which reads only then.
TEST(Refusing, IsHeardThoughMuchWasSaidMeanwhile) {
  Hub hub;
  for (int i = 0; i < 20; ++i) {
    RawPeer peer(hub.port(), as("dickens"));
    ASSERT_TRUE(peer.secured());
    Bytes much(300'000);
    Bytes wrong = encode_preface({Preface{}.magic, kProtocolVersion, 1, "1", "wrong"});
    ASSERT_TRUE(peer.send_frame(FrameKind::kPreface, wrong));
    static_cast<void>(peer.send(much));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto heard = peer.receive();
    ASSERT_TRUE(heard.has_value()) << i;
    EXPECT_EQ(heard->first, FrameKind::kRefusal);
    EXPECT_EQ(decode_refusal(heard->second)->reason, "the token is wrong");
  }
}

TEST(Refusing, ASiteTakesNoHubOfAnotherAuthorityOrNameOrKind) {
  for (const char* name : {"other-hub", "dickens"}) {
    RawListener listener;
    Site site(listener.port());
    const RawPeer hub(listener.accept(), identity(name));
    EXPECT_NE(refusal(site).find("its certificate does not serve"), std::string::npos) << name;
  }
  Hub hub;
  Site::Scene scene;
  scene.options.host = "127.0.0.2";  // which is this machine, and no name of the hub's
  Hub::Scene everywhere;
  everywhere.options.host = "0.0.0.0";
  Hub wide(everywhere);
  Site site(wide.port(), scene);
  EXPECT_NE(refusal(site).find("IP address mismatch"), std::string::npos);
}

// Goal: who has been let in once is not driven away for good by somebody on the way. Method: the
// hub's place is taken by another for a while.
TEST(Refusing, AnotherHubInItsPlaceForAWhileIsNoReasonToGo) {
  auto hub = std::make_unique<Hub>();
  const int64_t port = hub->port();
  Site site(port);
  ASSERT_TRUE(site.wait_welcome());
  hub.reset();
  Hub::Scene scene;
  scene.options.port = port;
  scene.context = "other-hub";
  hub = std::make_unique<Hub>(scene);
  EXPECT_TRUE(wait_until([&] {
    return std::ranges::any_of(site.losses(), [](const std::string& one) {
      return one.find("its certificate does not serve") != one.npos;
    });
  }));
  hub.reset();
  scene.context = "hub";
  hub = std::make_unique<Hub>(scene);
  EXPECT_TRUE(site.wait_welcome(2));
  EXPECT_FALSE(site.refused());
}

// Goal: a bit that changes on the way costs a connection and no more: it is no refusal. Method: a
// relay that changes one, at many places of the handshake and of what follows.
TEST(Refusing, BytesThatChangedOnTheWayAreNoRefusal) {
  Hub hub;
  for (const bool down : {true, false})
    for (const int64_t at : {3, 40, 130, 300, 700, 1'000, 1'300, 1'700, 1'900, 2'200}) {
      Relay relay(hub.port(), {down, at, 2});
      Site site(relay.port());
      const std::shared_ptr<void> speaks(nullptr, [&](void*) { site.stop(); });
      EXPECT_TRUE(wait_until([&] {
        if (site.welcomes() > 0) site.client().send(chunk({1, 1}, 0, 2'000));
        hub.server().send(want(1));
        return relay.damaged() == 2 && site.welcomes() > 0;
      })) << down
          << at;
      const int welcomes = site.welcomes();
      EXPECT_TRUE(site.wait_welcome(welcomes)) << down << at;
      EXPECT_FALSE(site.refused()) << down << " " << at << " " << site.refused()->message;
    }
}

TEST(Refusing, WhoIsRevokedIsSentAwayWhileConnected) {
  Hub hub;
  Site::Scene austen;
  austen.context = "austen";
  austen.worker = 1;
  Site one(hub.port()), two(hub.port(), austen);
  ASSERT_TRUE(one.wait_welcome() && two.wait_welcome());
  hub.server().drop_if([](const CertificateInfo& info) {
    return info.name == "austen" ? std::string("its certificate is revoked") : std::string();
  });
  EXPECT_TRUE(
      wait_until([&] { return hub.noted("1: disconnected: its certificate is revoked") == 1; }));
  EXPECT_TRUE(wait_until([&] { return !two.losses().empty(); }));
  EXPECT_TRUE(one.losses().empty());
}

// ---- TLS as narrow as it should be.

TEST(Handshakes, AreOfTls13WithCheapGroupsOnly) {
  Hub hub;
  const auto secured = [&](int version, const std::string& groups) {
    RawPeer::Options options = as("dickens");
    options.version_max = version;
    options.groups = groups;
    RawPeer peer(hub.port(), options);
    return peer.secured() && peer.send_preface(0) && peer.receive().has_value();
  };
  EXPECT_TRUE(secured(0, ""));
  EXPECT_TRUE(secured(0, "X25519"));
  EXPECT_TRUE(secured(0, "P-256"));
  EXPECT_FALSE(secured(TLS1_2_VERSION, ""));
  for (const char* dear : {"ffdhe2048", "ffdhe8192", "P-521", "X448"})
    EXPECT_FALSE(secured(0, dear)) << dear;
}

TEST(Handshakes, ShowACertificate) {
  Hub hub;
  RawPeer::Options nobody;
  nobody.tls = true;
  RawPeer peer(hub.port(), nobody);
  peer.send_preface(0);
  EXPECT_FALSE(peer.receive().has_value());
  RawPeer as_hub(hub.port(), as("hub"));
  as_hub.send_preface(0);
  EXPECT_FALSE(as_hub.receive().has_value());
}

// Small messages only: OpenSSL 3.0 ends a connection whose other side asks for new keys while a
// large write waits. No program of ours asks.
TEST(Handshakes, NewKeysInTheMiddleOfThingsDoNoHarm) {
  Hub hub;
  RawPeer peer(hub.port(), as("dickens"));
  ASSERT_TRUE(peer.send_preface(0));
  ASSERT_EQ(peer.receive()->first, FrameKind::kCharter);
  for (int64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(peer.send_frame(FrameKind::kMessage, encode_message(ask(i))));
    // OpenSSL takes 32 answers in a row, and the hub may give them at once.
    if (i % 10 == 5) {
      ASSERT_TRUE(peer.update_keys());
    }
    hub.server().send(want(i));
  }
  size_t heard = 0;
  while (heard < 200) {
    const auto frame = peer.receive();
    ASSERT_TRUE(frame.has_value()) << heard;
    heard += frame->first == FrameKind::kMessage ? 1 : 0;
  }
  EXPECT_TRUE(wait_until([&] { return hub.count() == 200; }));
}

TEST(Handshakes, AnEndWithoutGoodbyeIsACut) {
  Hub hub;
  RawPeer peer(hub.port(), as("dickens"));
  ASSERT_TRUE(peer.send_preface(0));
  ASSERT_EQ(peer.receive()->first, FrameKind::kCharter);
  peer.cut();
  EXPECT_TRUE(wait_until([&] { return hub.noted("0: disconnected: ") == 1; }));
  EXPECT_EQ(hub.noted("has closed it"), 0U);
}

// ---- Who speaks out of turn, or lies.

class OutOfTurn : public testing::Test {
 protected:
  /// A peer that has come in as worker 0 (or has not) says this; the hub then ends it.
  void expect_ended(bool let_in, const std::function<void(RawPeer&)>& say) {
    RawPeer peer(hub.port(), as("dickens"));
    ASSERT_TRUE(peer.secured());
    if (let_in) {
      ASSERT_TRUE(peer.send_preface(0));
      ASSERT_EQ(peer.receive()->first, FrameKind::kCharter);
    }
    say(peer);
    peer.drain();
    // And the hub is well.
    Site site(hub.port());
    EXPECT_TRUE(site.wait_welcome());
  }
  Hub hub;
};

TEST_F(OutOfTurn, OnlyAPrefaceMayComeFirst) {
  for (const FrameKind kind : {FrameKind::kMessage, FrameKind::kPing, FrameKind::kPong,
                               FrameKind::kCharter, FrameKind::kRefusal})
    expect_ended(false, [&](RawPeer& peer) { peer.send_frame(kind, Bytes(8)); });
  expect_ended(false, [&](RawPeer& peer) { peer.send_frame(FrameKind::kPreface, Bytes(100)); });
  EXPECT_EQ(hub.count(), 0U);
}

TEST_F(OutOfTurn, AndOnlyOnce) {
  for (const FrameKind kind : {FrameKind::kPreface, FrameKind::kCharter, FrameKind::kRefusal})
    expect_ended(true, [&](RawPeer& peer) { peer.send_frame(kind, Bytes(8)); });
}

// Goal: a token is tried once a connection. Method: many prefaces in one piece, the last right.
TEST_F(OutOfTurn, OneTokenIsTriedOnOneConnection) {
  RawPeer peer(hub.port(), as("dickens"));
  Bytes all;
  for (const char* token : {"a", "b", "c", "token"}) {
    const Bytes preface = encode_preface({Preface{}.magic, kProtocolVersion, 5, "1", token});
    const auto head =
        encode_frame_head({FrameKind::kPreface, static_cast<uint32_t>(preface.size())});
    all.insert(all.end(), head.begin(), head.end());
    all.insert(all.end(), preface.begin(), preface.end());
  }
  ASSERT_TRUE(peer.send(all));
  EXPECT_EQ(peer.receive()->first, FrameKind::kRefusal);
  EXPECT_FALSE(peer.receive().has_value());
  EXPECT_EQ(hub.noted("5: refused from"), 1U);
  EXPECT_EQ(hub.noted("5: connected"), 0U);
}

TEST_F(OutOfTurn, LengthsThatAreClaimedAreNotBelieved) {
  for (const uint32_t length : {(1U << 20) + 4097, 1U << 30, UINT32_MAX})
    expect_ended(true, [&](RawPeer& peer) {
      Bytes head{std::byte{4}};
      ByteWriter(head).put(length);
      peer.send(head);
    });
  expect_ended(false, [&](RawPeer& peer) {
    Bytes head{std::byte{1}};
    ByteWriter(head).put(uint32_t{5000});
    peer.send(head);
  });
}

TEST_F(OutOfTurn, WhatIsNoMessageOrAnothersEndsIt) {
  expect_ended(true, [&](RawPeer& peer) { peer.send_frame(FrameKind::kMessage, Bytes(50)); });
  expect_ended(true, [&](RawPeer& peer) {
    peer.send_frame(FrameKind::kMessage, encode_message(ask(1, 7)));
  });
  EXPECT_EQ(hub.count(), 0U);
  EXPECT_EQ(hub.noted("0: disconnected: it speaks as worker 7"), 1U);
  EXPECT_EQ(hub.noted("0: disconnected: what it says is no message"), 1U);
}

// Goal: who asks for answers and takes none makes the hub hold little.
TEST_F(OutOfTurn, PingsAreNotAnsweredWithoutEnd) {
  RawPeer peer(hub.port(), as("dickens"));
  ASSERT_TRUE(peer.send_preface(0));
  Bytes pings;
  const auto head = encode_frame_head({FrameKind::kPing, 8});
  for (int i = 0; i < 1'000; ++i) {
    pings.insert(pings.end(), head.begin(), head.end());
    pings.resize(pings.size() + 8);
  }
  std::thread sender([&] {
    for (int i = 0; i < 2'000 && peer.send(pings); ++i) continue;
    peer.cut();
  });
  int64_t most = 0;
  EXPECT_TRUE(wait_until([&] {
    for (const auto& [worker, link] : hub.server().links())
      most = std::max(most, link.queued_bytes);
    return hub.noted("0: disconnected") == 1;
  }));
  sender.join();
  EXPECT_LE(most, 100 * 300);
}

// ---- Crowds.

// Goal: many who connect and say nothing take each other's places, and not that of a site.
TEST(Crowds, WhoSaysNothingMakesRoomForWhoDoes) {
  Hub::Scene scene;
  scene.options.strangers_max = 8;
  scene.options.times.handshake_ms = 600'000;
  Hub hub(scene);
  std::vector<std::unique_ptr<RawPeer>> idle;
  for (int i = 0; i < 60; ++i) idle.push_back(std::make_unique<RawPeer>(hub.port()));
  Site site(hub.port());
  ASSERT_TRUE(site.wait_welcome());
  for (int i = 0; i < 52; ++i) EXPECT_EQ(idle[static_cast<size_t>(i)]->drain(), 0U);
  EXPECT_TRUE(site.losses().empty());
}

TEST(Crowds, AFloodFromOneAddressCrowdsOutNobodyElse) {
  Hub::Scene scene;
  scene.options.strangers_max = 8;
  scene.options.times.handshake_ms = 600'000;
  Hub hub(scene);
  RawPeer::Options elsewhere;
  elsewhere.source = "127.0.0.2";
  RawPeer early(hub.port(), elsewhere);
  std::vector<std::unique_ptr<RawPeer>> flood;
  for (int i = 0; i < 60; ++i) flood.push_back(std::make_unique<RawPeer>(hub.port()));
  for (int i = 0; i < 53; ++i) EXPECT_EQ(flood[static_cast<size_t>(i)]->drain(), 0U);
  EXPECT_TRUE(early.is_open());  // though it is the oldest
}

}  // namespace
}  // namespace causeway::live
