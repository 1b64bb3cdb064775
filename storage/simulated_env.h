// RocksDB on a SimulatedDisk: what a power cut does to the views is then simulated, too.
//
//   SimulatedDisk disk;
//   const std::unique_ptr<rocksdb::Env> env = MakeSimulatedEnv(disk);
//   options.views_env = env.get();
//
// The disk outlives the Env, the Env outlives the Store. RocksDB's background threads come from the default Env. Do not make
// operations fail under RocksDB (FailWrite, StopAfter): Debian's is built with assertions and aborts. Let the disk keep a
// copy of the moment instead (SimulatedDisk::KeepCopyAfter) and cut the power of the copy.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "storage/simulated_disk.h"

namespace tocsin {

std::unique_ptr<rocksdb::Env> MakeSimulatedEnv(SimulatedDisk& disk);

}  // namespace tocsin
