// Private to import: one function a source. Each reads its documents into the draft; what it cannot carry over it tells.
#pragma once

#include <span>

#include "import/draft.h"
#include "import/gather.h"

namespace tocsin::import {

void ReadPagerDuty(std::span<const Document> documents, Draft& draft);
void ReadOpsgenie(std::span<const Document> documents, Draft& draft);
void ReadGrafanaOnCall(std::span<const Document> documents, Draft& draft);
void ReadGoAlert(std::span<const Document> documents, Draft& draft);
void ReadIcinga(std::span<const Document> documents, Draft& draft);
void ReadLinkedInOnCall(std::span<const Document> documents, Draft& draft);
void ReadAlertmanager(std::span<const Document> documents, Draft& draft);
void ReadCalendars(std::span<const Document> documents, Draft& draft);  // each document is one text

}  // namespace tocsin::import
