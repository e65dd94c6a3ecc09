#include "models/device/block_device_module.h"

namespace pagewalk::models {

void BlockDeviceModule::submit(const BlockRequest& request, Tick now) {
    model().submit(request, now);
    plan();
}

} // namespace pagewalk::models
