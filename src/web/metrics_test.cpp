// SPDX-License-Identifier: Apache-2.0
//
// The exposition's own rules, and values spelt out. tests/python/test_web.py reads it with
// Prometheus' parser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "web/test_view.h"
#include "web/web_server.h"

namespace causeway {
namespace {

using testing::example_view;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, HaveTheViewsValues) {
  const std::string text = metrics_of(example_view());
  for (const char* line :
       {"causeway_run_info{run=\"four-coasts\",method=\"diloco\",version=\"0.1.0\"} 1\n",
        "causeway_rounds_total{result=\"aborted\"} 1\n",
        "causeway_payload_bytes_total{direction=\"up\"} 1000000\n",
        "causeway_store_bytes_total{direction=\"up\"} 70000\n",
        "causeway_store_bytes_total{direction=\"down\"} 30000\n",
        "causeway_member_store_bytes_total{worker=\"0\",site=\"bergen\",direction=\"down\"} "
        "20000\n",
        "causeway_data_parallel_bytes_total 600000000\n",
        "causeway_hub_start_time_seconds 1700000000.123\n",
        "causeway_member_status{worker=\"3\",site=\"lisboa\",status=\"gone\"} 1\n",
        "causeway_member_status{worker=\"3\",site=\"lisboa\",status=\"training\"} 0\n",
        "causeway_member_loss_nats{worker=\"0\",site=\"bergen\"} 3.25\n",
        "causeway_member_payload_bytes_total{worker=\"0\",site=\"bergen\",direction=\"down\"} "
        "300000\n",
        "causeway_member_round_trip_seconds{worker=\"0\",site=\"bergen\"} 0.0185\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, KeepTheRulesOfTheFormat) {
  std::istringstream in(metrics_of(example_view()));
  std::map<std::string, std::string> types;
  std::set<std::string> samples;
  std::string helped, now;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string mark, kind, name, type;
    if (line.starts_with("# HELP ")) {
      words >> mark >> kind >> helped;
    } else if (line.starts_with("# TYPE ")) {
      words >> mark >> kind >> now >> type;
      EXPECT_EQ(now, helped);
      EXPECT_TRUE(types.emplace(now, type).second) << now << " twice";
      EXPECT_EQ(now.ends_with("_total"), type == "counter") << now;
    } else {
      name = line.substr(0, line.find_first_of("{ "));
      EXPECT_EQ(name, now) << "samples stand together";
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  }
  EXPECT_GT(types.size(), 25U);
}

TEST(Metrics, LeaveOutWhatIsNotKnown) {
  HubView view = example_view();
  view.seconds_left = -1;
  const std::string text = metrics_of(view);
  EXPECT_THAT(text, Not(HasSubstr("run_left_seconds")));
  EXPECT_THAT(text, Not(HasSubstr("causeway_member_loss_nats{worker=\"3\"")));
  EXPECT_THAT(text, HasSubstr("causeway_member_loss_nats{worker=\"0\""));
}

TEST(Metrics, EscapeTextsOfTheRun) {
  HubView view = example_view();
  view.run = "a\"} 1\nb\\ \xff";
  view.members[0].loss = std::nan("");
  view.members[0].tokens_per_s = -HUGE_VAL;
  const std::string text = metrics_of(view);
  EXPECT_THAT(text, HasSubstr(R"(run="a\"} 1\nb\\ )"
                              "\xef\xbf\xbd\""));
  EXPECT_THAT(text, HasSubstr("loss_nats{worker=\"0\",site=\"bergen\"} NaN\n"));
  EXPECT_THAT(text, HasSubstr("tokens_per_second{worker=\"0\",site=\"bergen\"} -Inf\n"));
}

}  // namespace
}  // namespace causeway
