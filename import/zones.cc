#include "import/zones.h"

#include <algorithm>
#include <iterator>

#include "config/text.h"

namespace tocsin::import {
namespace {

struct Zone {
  std::string_view name;
  std::string_view iana;
};
// Those of Rails, which PagerDuty has in older objects.
constexpr Zone kZones[] = {
    {"Hawaii",                      "Pacific/Honolulu"              },
    {"Alaska",                      "America/Juneau"                },
    {"Pacific Time (US & Canada)",  "America/Los_Angeles"           },
    {"Arizona",                     "America/Phoenix"               },
    {"Mountain Time (US & Canada)", "America/Denver"                },
    {"Central Time (US & Canada)",  "America/Chicago"               },
    {"Mexico City",                 "America/Mexico_City"           },
    {"Saskatchewan",                "America/Regina"                },
    {"Eastern Time (US & Canada)",  "America/New_York"              },
    {"Indiana (East)",              "America/Indiana/Indianapolis"  },
    {"Bogota",                      "America/Bogota"                },
    {"Atlantic Time (Canada)",      "America/Halifax"               },
    {"Newfoundland",                "America/St_Johns"              },
    {"Brasilia",                    "America/Sao_Paulo"             },
    {"Buenos Aires",                "America/Argentina/Buenos_Aires"},
    {"Azores",                      "Atlantic/Azores"               },
    {"London",                      "Europe/London"                 },
    {"Dublin",                      "Europe/Dublin"                 },
    {"Lisbon",                      "Europe/Lisbon"                 },
    {"Amsterdam",                   "Europe/Amsterdam"              },
    {"Berlin",                      "Europe/Berlin"                 },
    {"Brussels",                    "Europe/Brussels"               },
    {"Copenhagen",                  "Europe/Copenhagen"             },
    {"Madrid",                      "Europe/Madrid"                 },
    {"Paris",                       "Europe/Paris"                  },
    {"Prague",                      "Europe/Prague"                 },
    {"Rome",                        "Europe/Rome"                   },
    {"Stockholm",                   "Europe/Stockholm"              },
    {"Vienna",                      "Europe/Vienna"                 },
    {"Warsaw",                      "Europe/Warsaw"                 },
    {"Athens",                      "Europe/Athens"                 },
    {"Bucharest",                   "Europe/Bucharest"              },
    {"Helsinki",                    "Europe/Helsinki"               },
    {"Kyiv",                        "Europe/Kiev"                   },
    {"Istanbul",                    "Europe/Istanbul"               },
    {"Moscow",                      "Europe/Moscow"                 },
    {"Jerusalem",                   "Asia/Jerusalem"                },
    {"Abu Dhabi",                   "Asia/Muscat"                   },
    {"Chennai",                     "Asia/Kolkata"                  },
    {"Kolkata",                     "Asia/Kolkata"                  },
    {"Mumbai",                      "Asia/Kolkata"                  },
    {"New Delhi",                   "Asia/Kolkata"                  },
    {"Kathmandu",                   "Asia/Kathmandu"                },
    {"Bangkok",                     "Asia/Bangkok"                  },
    {"Beijing",                     "Asia/Shanghai"                 },
    {"Hong Kong",                   "Asia/Hong_Kong"                },
    {"Singapore",                   "Asia/Singapore"                },
    {"Taipei",                      "Asia/Taipei"                   },
    {"Seoul",                       "Asia/Seoul"                    },
    {"Tokyo",                       "Asia/Tokyo"                    },
    {"Perth",                       "Australia/Perth"               },
    {"Adelaide",                    "Australia/Adelaide"            },
    {"Brisbane",                    "Australia/Brisbane"            },
    {"Melbourne",                   "Australia/Melbourne"           },
    {"Sydney",                      "Australia/Sydney"              },
    {"Auckland",                    "Pacific/Auckland"              },
    {"Wellington",                  "Pacific/Auckland"              },
};

}  // namespace

std::string KnownZone(std::string_view name) {
  if (CheckTimeZone(name).ok()) return std::string(name);
  const auto* found = std::ranges::find(kZones, name, &Zone::name);
  return found == std::end(kZones) ? std::string() : std::string(found->iana);
}

}  // namespace tocsin::import
