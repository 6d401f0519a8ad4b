/* Encoder of the hiphinge protocol, version 1 (docs/protocol-v1.md), in plain C99: no heap, no I/O, any byte order.
 *
 * Every encoder writes one message to `out` and returns its length, or 0 when it does not fit into `room` bytes or an
 * argument is out of range. On Bluetooth LE a message is one packet; on a serial line it goes through hh_frame.
 */
#ifndef HIPHINGE_V1_H
#define HIPHINGE_V1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HH_VERSION = 1 };
enum hh_kind {
    HH_INFO = 0x01, HH_CONFIG = 0x02, HH_DATA = 0x03, HH_START = 0x04,
    HH_SYNC = 0x05, HH_EVENT = 0x06, HH_MUX = 0x07, HH_SETUP = 0x08
};
enum hh_event_code { HH_BUTTON = 0x01, HH_BATTERY = 0x02, HH_OVERRUN = 0x03, HH_TAP = 0x04 };
enum hh_flag { HH_FLAG_SATURATED = 0x01, HH_FLAG_OVERRUN = 0x02 };
enum { HH_DATA_HEADER = 20, HH_SAMPLE = 12, HH_MAX_MESSAGE = 1024 };

#define HH_AT_ONCE UINT64_C(0)
#define HH_NEVER UINT64_MAX

/* NULL texts and empty lists are left out. */
struct hh_info {
    const char *model, *serial, *firmware;
    uint32_t boot_id;                       /* another one after each boot */
    float clock_ppm;                        /* 0: not said */
    const float *rates_hz;                  size_t rates;
    const uint16_t *acc_ranges_g;           size_t acc_ranges;
    const uint16_t *gyr_ranges_dps;         size_t gyr_ranges;
    int battery_percent;                    /* below 0: not said */
};

struct hh_config {
    uint8_t epoch;                          /* another one after each change within a boot */
    double rate_hz, acc_scale, gyr_scale;   /* Hz, m/s^2 per LSB, rad/s per LSB */
};

struct hh_sample { int16_t acc[3], gyr[3]; };

struct hh_data {
    uint16_t sequence;                      /* of DATA messages */
    uint32_t first_index;                   /* of the first sample since boot, lost ones counted */
    uint32_t first_time_us, span_us;        /* device clock at the first sample, and from it to the last */
    uint8_t epoch;
    bool overrun;                           /* samples were lost in here before this message */
};

struct hh_setup { float rate_hz; uint16_t acc_range_g, gyr_range_dps; };  /* 0: leave as it is */
struct hh_start { uint32_t boot_id; uint64_t device_time_us; };           /* boot id 0: any */

size_t hh_encode_info(uint8_t *out, size_t room, const struct hh_info *info);
size_t hh_encode_config(uint8_t *out, size_t room, const struct hh_config *config);
/* The saturated flag is set from the samples. */
size_t hh_encode_data(uint8_t *out, size_t room, const struct hh_data *data, const struct hh_sample *samples, uint8_t count);
size_t hh_encode_event(uint8_t *out, size_t room, enum hh_event_code code, uint32_t time_us, int32_t value);
/* The answer to the SYNC message `asked` (its `length` bytes): the device's three fields filled in. */
size_t hh_answer_sync(uint8_t *out, size_t room, const uint8_t *asked, size_t length, uint32_t boot_id,
                      uint64_t received_us, uint64_t sent_us);
/* COBS(message || CRC-32) || 00, for a serial line. */
size_t hh_frame(uint8_t *out, size_t room, const uint8_t *message, size_t length);

/* True when the bytes are a message of that kind and of this version; longer ones are of a later revision. */
bool hh_decode_setup(const uint8_t *bytes, size_t length, struct hh_setup *setup);
bool hh_decode_start(const uint8_t *bytes, size_t length, struct hh_start *start);

#ifdef __cplusplus
}
#endif
#endif
