#include "transcription/meter.h"

#include "base/test.h"

static void factor(void) {
  tr_meter m;
  tr_meter_init(&m);
  CHECK(tr_meter_factor(&m, 100000) == 0);
  tr_meter_add(&m, 100000, 16000, 250000);
  CHECK(tr_meter_factor(&m, 100000) == 0.25);
  tr_meter_add(&m, 100900, 16000, 250000);
  tr_meter_add(&m, 130000, 32000, 0);
  CHECK(tr_meter_factor(&m, 130000) == 0.125);
  CHECK(tr_meter_factor(&m, 160000) == 0); /* only the silent second at 130 s is left */
  tr_meter_add(&m, 160000, 0, 1000000);    /* takes the first slot over */
  CHECK(tr_meter_factor(&m, 160000) == 0.5);
  CHECK(tr_meter_factor(&m, 999000) == 0);
  tr_meter_dispose(&m);
}

TEST_MAIN(TEST(factor))
