// Tells people of journal entries that recovery has put aside: an incident each, which pages the fallback user at once.
#pragma once

#include "engine/pipeline.h"

namespace tocsin {

// True when there is nothing left to be told, false when it has to be tried again. Once for each entry, however often it is called and
// whatever crashes in between. Not from an engine thread.
bool TellOfDeadLetters(Engine& engine);

}  // namespace tocsin
