#include "ical/values.h"

#include <charconv>

#include "base/strings.h"

namespace tocsin::ical {
namespace {

// Takes `digits` digits off the front.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

struct WindowsZone {
  std::string_view windows;
  std::string_view iana;
};

// The zones of Unicode CLDR's windowsZones.xml, territory 001, in the order of their names.
constexpr WindowsZone kWindowsZones[] = {
    {"AUS Central Standard Time",       "Australia/Darwin"              },
    {"AUS Eastern Standard Time",       "Australia/Sydney"              },
    {"Afghanistan Standard Time",       "Asia/Kabul"                    },
    {"Alaskan Standard Time",           "America/Anchorage"             },
    {"Aleutian Standard Time",          "America/Adak"                  },
    {"Altai Standard Time",             "Asia/Barnaul"                  },
    {"Arab Standard Time",              "Asia/Riyadh"                   },
    {"Arabian Standard Time",           "Asia/Dubai"                    },
    {"Arabic Standard Time",            "Asia/Baghdad"                  },
    {"Argentina Standard Time",         "America/Argentina/Buenos_Aires"},
    {"Astrakhan Standard Time",         "Europe/Astrakhan"              },
    {"Atlantic Standard Time",          "America/Halifax"               },
    {"Aus Central W. Standard Time",    "Australia/Eucla"               },
    {"Azerbaijan Standard Time",        "Asia/Baku"                     },
    {"Azores Standard Time",            "Atlantic/Azores"               },
    {"Bahia Standard Time",             "America/Bahia"                 },
    {"Bangladesh Standard Time",        "Asia/Dhaka"                    },
    {"Belarus Standard Time",           "Europe/Minsk"                  },
    {"Bougainville Standard Time",      "Pacific/Bougainville"          },
    {"Canada Central Standard Time",    "America/Regina"                },
    {"Cape Verde Standard Time",        "Atlantic/Cape_Verde"           },
    {"Caucasus Standard Time",          "Asia/Yerevan"                  },
    {"Cen. Australia Standard Time",    "Australia/Adelaide"            },
    {"Central America Standard Time",   "America/Guatemala"             },
    {"Central Asia Standard Time",      "Asia/Almaty"                   },
    {"Central Brazilian Standard Time", "America/Cuiaba"                },
    {"Central Europe Standard Time",    "Europe/Budapest"               },
    {"Central European Standard Time",  "Europe/Warsaw"                 },
    {"Central Pacific Standard Time",   "Pacific/Guadalcanal"           },
    {"Central Standard Time",           "America/Chicago"               },
    {"Central Standard Time (Mexico)",  "America/Mexico_City"           },
    {"Chatham Islands Standard Time",   "Pacific/Chatham"               },
    {"China Standard Time",             "Asia/Shanghai"                 },
    {"Cuba Standard Time",              "America/Havana"                },
    {"Dateline Standard Time",          "Etc/GMT+12"                    },
    {"E. Africa Standard Time",         "Africa/Nairobi"                },
    {"E. Australia Standard Time",      "Australia/Brisbane"            },
    {"E. Europe Standard Time",         "Europe/Chisinau"               },
    {"E. South America Standard Time",  "America/Sao_Paulo"             },
    {"Easter Island Standard Time",     "Pacific/Easter"                },
    {"Eastern Standard Time",           "America/New_York"              },
    {"Eastern Standard Time (Mexico)",  "America/Cancun"                },
    {"Egypt Standard Time",             "Africa/Cairo"                  },
    {"Ekaterinburg Standard Time",      "Asia/Yekaterinburg"            },
    {"FLE Standard Time",               "Europe/Kiev"                   },
    {"Fiji Standard Time",              "Pacific/Fiji"                  },
    {"GMT Standard Time",               "Europe/London"                 },
    {"GTB Standard Time",               "Europe/Bucharest"              },
    {"Georgian Standard Time",          "Asia/Tbilisi"                  },
    {"Greenland Standard Time",         "America/Godthab"               },
    {"Greenwich Standard Time",         "Atlantic/Reykjavik"            },
    {"Haiti Standard Time",             "America/Port-au-Prince"        },
    {"Hawaiian Standard Time",          "Pacific/Honolulu"              },
    {"India Standard Time",             "Asia/Calcutta"                 },
    {"Iran Standard Time",              "Asia/Tehran"                   },
    {"Israel Standard Time",            "Asia/Jerusalem"                },
    {"Jordan Standard Time",            "Asia/Amman"                    },
    {"Kaliningrad Standard Time",       "Europe/Kaliningrad"            },
    {"Korea Standard Time",             "Asia/Seoul"                    },
    {"Libya Standard Time",             "Africa/Tripoli"                },
    {"Line Islands Standard Time",      "Pacific/Kiritimati"            },
    {"Lord Howe Standard Time",         "Australia/Lord_Howe"           },
    {"Magadan Standard Time",           "Asia/Magadan"                  },
    {"Marquesas Standard Time",         "Pacific/Marquesas"             },
    {"Mauritius Standard Time",         "Indian/Mauritius"              },
    {"Middle East Standard Time",       "Asia/Beirut"                   },
    {"Montevideo Standard Time",        "America/Montevideo"            },
    {"Morocco Standard Time",           "Africa/Casablanca"             },
    {"Mountain Standard Time",          "America/Denver"                },
    {"Mountain Standard Time (Mexico)", "America/Mazatlan"              },
    {"Myanmar Standard Time",           "Asia/Rangoon"                  },
    {"N. Central Asia Standard Time",   "Asia/Novosibirsk"              },
    {"Namibia Standard Time",           "Africa/Windhoek"               },
    {"Nepal Standard Time",             "Asia/Katmandu"                 },
    {"New Zealand Standard Time",       "Pacific/Auckland"              },
    {"Newfoundland Standard Time",      "America/St_Johns"              },
    {"Norfolk Standard Time",           "Pacific/Norfolk"               },
    {"North Asia East Standard Time",   "Asia/Irkutsk"                  },
    {"North Asia Standard Time",        "Asia/Krasnoyarsk"              },
    {"North Korea Standard Time",       "Asia/Pyongyang"                },
    {"Omsk Standard Time",              "Asia/Omsk"                     },
    {"Pacific SA Standard Time",        "America/Santiago"              },
    {"Pacific Standard Time",           "America/Los_Angeles"           },
    {"Pacific Standard Time (Mexico)",  "America/Tijuana"               },
    {"Pakistan Standard Time",          "Asia/Karachi"                  },
    {"Paraguay Standard Time",          "America/Asuncion"              },
    {"Qyzylorda Standard Time",         "Asia/Qyzylorda"                },
    {"Romance Standard Time",           "Europe/Paris"                  },
    {"Russia Time Zone 10",             "Asia/Srednekolymsk"            },
    {"Russia Time Zone 11",             "Asia/Kamchatka"                },
    {"Russia Time Zone 3",              "Europe/Samara"                 },
    {"Russian Standard Time",           "Europe/Moscow"                 },
    {"SA Eastern Standard Time",        "America/Cayenne"               },
    {"SA Pacific Standard Time",        "America/Bogota"                },
    {"SA Western Standard Time",        "America/La_Paz"                },
    {"SE Asia Standard Time",           "Asia/Bangkok"                  },
    {"Saint Pierre Standard Time",      "America/Miquelon"              },
    {"Sakhalin Standard Time",          "Asia/Sakhalin"                 },
    {"Samoa Standard Time",             "Pacific/Apia"                  },
    {"Sao Tome Standard Time",          "Africa/Sao_Tome"               },
    {"Saratov Standard Time",           "Europe/Saratov"                },
    {"Singapore Standard Time",         "Asia/Singapore"                },
    {"South Africa Standard Time",      "Africa/Johannesburg"           },
    {"South Sudan Standard Time",       "Africa/Juba"                   },
    {"Sri Lanka Standard Time",         "Asia/Colombo"                  },
    {"Sudan Standard Time",             "Africa/Khartoum"               },
    {"Syria Standard Time",             "Asia/Damascus"                 },
    {"Taipei Standard Time",            "Asia/Taipei"                   },
    {"Tasmania Standard Time",          "Australia/Hobart"              },
    {"Tocantins Standard Time",         "America/Araguaina"             },
    {"Tokyo Standard Time",             "Asia/Tokyo"                    },
    {"Tomsk Standard Time",             "Asia/Tomsk"                    },
    {"Tonga Standard Time",             "Pacific/Tongatapu"             },
    {"Transbaikal Standard Time",       "Asia/Chita"                    },
    {"Turkey Standard Time",            "Europe/Istanbul"               },
    {"Turks And Caicos Standard Time",  "America/Grand_Turk"            },
    {"US Eastern Standard Time",        "America/Indianapolis"          },
    {"US Mountain Standard Time",       "America/Phoenix"               },
    {"UTC",                             "UTC"                           },
    {"UTC+12",                          "Etc/GMT-12"                    },
    {"UTC+13",                          "Etc/GMT-13"                    },
    {"UTC-02",                          "Etc/GMT+2"                     },
    {"UTC-08",                          "Etc/GMT+8"                     },
    {"UTC-09",                          "Etc/GMT+9"                     },
    {"UTC-11",                          "Etc/GMT+11"                    },
    {"Ulaanbaatar Standard Time",       "Asia/Ulaanbaatar"              },
    {"Venezuela Standard Time",         "America/Caracas"               },
    {"Vladivostok Standard Time",       "Asia/Vladivostok"              },
    {"Volgograd Standard Time",         "Europe/Volgograd"              },
    {"W. Australia Standard Time",      "Australia/Perth"               },
    {"W. Central Africa Standard Time", "Africa/Lagos"                  },
    {"W. Europe Standard Time",         "Europe/Berlin"                 },
    {"W. Mongolia Standard Time",       "Asia/Hovd"                     },
    {"West Asia Standard Time",         "Asia/Tashkent"                 },
    {"West Bank Standard Time",         "Asia/Hebron"                   },
    {"West Pacific Standard Time",      "Pacific/Port_Moresby"          },
    {"Yakutsk Standard Time",           "Asia/Yakutsk"                  },
    {"Yukon Standard Time",             "America/Whitehorse"            },
};

bool IsZone(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.find("..") != std::string_view::npos || name.front() == '/')
    return false;
  for (const char c : name) {
    const bool usual = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                       c == '_' || c == '-' || c == '+';
    if (!usual) return false;
  }
  absl::TimeZone zone;
  return absl::LoadTimeZone(std::string(name), &zone);
}

}  // namespace

std::optional<Moment> ParseMoment(std::string_view text) {
  text = Trim(text);
  const auto year = TakeNumber(text, 4);
  const auto month = TakeNumber(text, 2);
  const auto day = TakeNumber(text, 2);
  if (!year || !month || !day || *year < 1900 || *year >= 2400) return std::nullopt;
  const absl::CivilDay date(*year, *month, *day);
  if (date.month() != *month || date.day() != *day) return std::nullopt;
  Moment moment{.civil = absl::CivilSecond(date), .date_only = text.empty()};
  if (text.empty()) return moment;
  if (text.front() != 'T' && text.front() != 't') return std::nullopt;
  text.remove_prefix(1);
  const auto hour = TakeNumber(text, 2);
  const auto minute = TakeNumber(text, 2);
  const auto second = TakeNumber(text, 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  moment.utc = text == "Z" || text == "z";
  if (!text.empty() && !moment.utc) return std::nullopt;
  moment.civil += *hour * 3600 + *minute * 60 + (*second == 60 ? 59 : *second);
  return moment;
}

std::optional<Span> ParseSpan(std::string_view text) {
  text = Trim(text);
  int sign = 1;
  if (text.starts_with('-') || text.starts_with('+')) {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (!text.starts_with('P') || text.size() < 3) return std::nullopt;
  text.remove_prefix(1);
  Span span;
  bool time = false;
  while (!text.empty()) {
    if (text.front() == 'T' && !time) {
      time = true;
      text.remove_prefix(1);
    }
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data() + text.size() || number < 0 || number > 1'000'000)
      return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    switch (text.front()) {
      case 'W': span.days += time ? 0 : 7 * number; break;
      case 'D': span.days += time ? 0 : number; break;
      case 'H': span.exact += absl::Hours(number); break;
      case 'M': span.exact += absl::Minutes(number); break;
      case 'S': span.exact += absl::Seconds(number); break;
      default: return std::nullopt;
    }
    const bool of_time = text.front() == 'H' || text.front() == 'M' || text.front() == 'S';
    if (of_time != time) return std::nullopt;
    text.remove_prefix(1);
  }
  span.days *= sign;
  span.exact *= sign;
  return span;
}

absl::Time AtWallClock(absl::CivilSecond civil, const absl::TimeZone& zone) {
  // Of a time that is skipped `pre` counts with the offset before the gap, of one that is repeated it is the first.
  return zone.At(civil).pre;
}

std::string ZoneName(std::string_view tzid) {
  tzid = Trim(tzid);
  for (const WindowsZone& zone : kWindowsZones) {
    if (zone.windows == tzid) return IsZone(zone.iana) ? std::string(zone.iana) : "";
  }
  // A name may have a prefix, and the name itself two or three parts.
  std::string_view rest = tzid;
  for (int i = 0; i < 6; ++i) {
    if (IsZone(rest)) return std::string(rest);
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return "";
}

}  // namespace tocsin::ical
