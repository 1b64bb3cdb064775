// `tocsin notify-nagios` as a program of its own, for tests that kill it.
#include <string>
#include <vector>

#include "cli/commands.h"

int main(int argc, char** argv) {
  return tocsin::RunNotifyNagios(std::vector<std::string>(argv + 1, argv + argc));
}
