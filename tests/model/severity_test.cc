#include "model/severity.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(SeverityTest, UnderstandsTheWordsOfSenders) {
  struct Case {
    std::string_view word;
    Severity severity;
  };
  const Case cases[] = {
      {"critical",      Severity::kCritical},
      {"CRITICAL",      Severity::kCritical},
      {" Critical\n",   Severity::kCritical},
      {"Disaster",      Severity::kCritical},
      {"P1",            Severity::kCritical},
      {"sev1",          Severity::kCritical},
      {"page",          Severity::kCritical},
      {"DOWN",          Severity::kCritical},
      {"error",         Severity::kHigh    },
      {"Major",         Severity::kHigh    },
      {"p2",            Severity::kHigh    },
      {"warn",          Severity::kWarning },
      {"Average",       Severity::kWarning },
      {"SEV3",          Severity::kWarning },
      {"low",           Severity::kLow     },
      {"p4",            Severity::kLow     },
      {"Informational", Severity::kInfo    },
      {"ok",            Severity::kInfo    },
      {"p5",            Severity::kInfo    },
      {"",              Severity::kUnknown },
      {"p6",            Severity::kUnknown },
      {"critical!",     Severity::kUnknown },
      {"ＣＲＩＴ",  Severity::kUnknown },
  };
  for (const Case& c : cases)
    EXPECT_EQ(ParseSeverity(c.word), c.severity) << c.word;
}

TEST(SeverityTest, NamesAreReadBackExactly) {
  for (const Severity severity : {Severity::kUnknown, Severity::kInfo, Severity::kLow, Severity::kWarning,
                                  Severity::kHigh, Severity::kCritical}) {
    EXPECT_EQ(SeverityFromName(Name(severity)), severity);
    EXPECT_EQ(ParseSeverity(Name(severity)), severity);
  }
  for (const std::string_view wrong : {"Critical", "crit", "", "critical "}) {
    EXPECT_EQ(SeverityFromName(wrong), std::nullopt) << wrong;
  }
}

TEST(SeverityTest, OrdersFromHarmlessToCritical) {
  EXPECT_LT(Severity::kUnknown, Severity::kInfo);
  EXPECT_LT(Severity::kLow, Severity::kWarning);
  EXPECT_LT(Severity::kHigh, Severity::kCritical);
}

}  // namespace
}  // namespace tocsin
