/* See hiphinge_v1.h. */
#include "hiphinge_v1.h"

#include <string.h>

/* A place to write to; once something did not fit, nothing more is written. */
struct sink { uint8_t *at; size_t room, used; bool full; };

static void put(struct sink *s, const void *bytes, size_t n)
{
    if (s->full || n > s->room - s->used) {
        s->full = true;
        return;
    }
    memcpy(s->at + s->used, bytes, n);
    s->used += n;
}

static void put_number(struct sink *s, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, value >>= 8) {
        uint8_t low = (uint8_t)value;
        put(s, &low, 1);
    }
}

static void put_float(struct sink *s, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(s, bits, 4);
}

static void put_double(struct sink *s, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(s, bits, 8);
}

static struct sink begin(uint8_t *out, size_t room, enum hh_kind kind)
{
    struct sink s = { out, room, 0, false };
    put_number(&s, (uint64_t)kind, 1);
    put_number(&s, HH_VERSION, 1);
    return s;
}

static size_t done(const struct sink *s)
{
    return s->full ? 0 : s->used;
}

static void put_tag(struct sink *s, uint8_t tag, size_t bytes)
{
    if (bytes > 255)
        s->full = true;
    put_number(s, tag, 1);
    put_number(s, bytes, 1);
}

static void put_text(struct sink *s, uint8_t tag, const char *text)
{
    if (text == NULL)
        return;
    put_tag(s, tag, strlen(text));
    put(s, text, strlen(text));
}

static void put_ranges(struct sink *s, uint8_t tag, const uint16_t *ranges, size_t n)
{
    if (n == 0)
        return;
    put_tag(s, tag, 2 * n);
    for (size_t i = 0; i < n; i++)
        put_number(s, ranges[i], 2);
}

size_t hh_encode_info(uint8_t *out, size_t room, const struct hh_info *info)
{
    struct sink s = begin(out, room, HH_INFO);
    put_text(&s, 0x01, info->model);
    put_text(&s, 0x02, info->serial);
    put_text(&s, 0x03, info->firmware);
    put_tag(&s, 0x04, 4);
    put_number(&s, info->boot_id, 4);
    if (info->clock_ppm > 0.0f) {
        put_tag(&s, 0x05, 4);
        put_float(&s, info->clock_ppm);
    }
    if (info->rates > 0) {
        put_tag(&s, 0x06, 4 * info->rates);
        for (size_t i = 0; i < info->rates; i++)
            put_float(&s, info->rates_hz[i]);
    }
    put_ranges(&s, 0x07, info->acc_ranges_g, info->acc_ranges);
    put_ranges(&s, 0x08, info->gyr_ranges_dps, info->gyr_ranges);
    if (info->battery_percent >= 0) {
        put_tag(&s, 0x09, 1);
        put_number(&s, (uint64_t)info->battery_percent, 1);
    }
    return done(&s);
}

size_t hh_encode_config(uint8_t *out, size_t room, const struct hh_config *config)
{
    struct sink s = begin(out, room, HH_CONFIG);
    put_number(&s, config->epoch, 1);
    put_number(&s, 0, 1);
    put_double(&s, config->rate_hz);
    put_double(&s, config->acc_scale);
    put_double(&s, config->gyr_scale);
    return done(&s);
}

static bool is_full(int16_t value)
{
    return value == INT16_MAX || value <= -INT16_MAX;
}

size_t hh_encode_data(uint8_t *out, size_t room, const struct hh_data *data, const struct hh_sample *samples, uint8_t count)
{
    struct sink s = begin(out, room, HH_DATA);
    uint8_t flags = data->overrun ? HH_FLAG_OVERRUN : 0;

    if (count == 0)
        return 0;
    for (uint8_t i = 0; i < count; i++)
        for (int axis = 0; axis < 3; axis++)
            if (is_full(samples[i].acc[axis]) || is_full(samples[i].gyr[axis]))
                flags |= HH_FLAG_SATURATED;
    put_number(&s, data->sequence, 2);
    put_number(&s, data->first_index, 4);
    put_number(&s, data->first_time_us, 4);
    put_number(&s, data->span_us, 4);
    put_number(&s, count, 1);
    put_number(&s, 0, 1); /* layout: acceleration and angular rate */
    put_number(&s, data->epoch, 1);
    put_number(&s, flags, 1);
    for (uint8_t i = 0; i < count; i++) {
        for (int axis = 0; axis < 3; axis++)
            put_number(&s, (uint16_t)samples[i].acc[axis], 2);
        for (int axis = 0; axis < 3; axis++)
            put_number(&s, (uint16_t)samples[i].gyr[axis], 2);
    }
    return done(&s);
}

size_t hh_encode_event(uint8_t *out, size_t room, enum hh_event_code code, uint32_t time_us, int32_t value)
{
    struct sink s = begin(out, room, HH_EVENT);
    put_number(&s, (uint64_t)code, 1);
    put_number(&s, 0, 1);
    put_number(&s, time_us, 4);
    put_number(&s, (uint32_t)value, 4);
    return done(&s);
}

static uint64_t number_at(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;
    while (n-- > 0)
        value = value << 8 | bytes[n];
    return value;
}

static bool is_message(const uint8_t *bytes, size_t length, enum hh_kind kind, size_t size)
{
    return length >= size && bytes[0] == (uint8_t)kind && bytes[1] == HH_VERSION;
}

size_t hh_answer_sync(uint8_t *out, size_t room, const uint8_t *asked, size_t length, uint32_t boot_id,
                      uint64_t received_us, uint64_t sent_us)
{
    struct sink s = { out, room, 0, false };

    if (!is_message(asked, length, HH_SYNC, 40))
        return 0;
    put(&s, asked, 4);
    put_number(&s, boot_id, 4);
    put(&s, asked + 8, 8);
    put_number(&s, received_us, 8);
    put_number(&s, sent_us, 8);
    put_number(&s, 0, 8);
    return done(&s);
}

bool hh_decode_setup(const uint8_t *bytes, size_t length, struct hh_setup *setup)
{
    uint32_t bits;

    if (!is_message(bytes, length, HH_SETUP, 12))
        return false;
    bits = (uint32_t)number_at(bytes + 4, 4);
    memcpy(&setup->rate_hz, &bits, sizeof bits);
    setup->acc_range_g = (uint16_t)number_at(bytes + 8, 2);
    setup->gyr_range_dps = (uint16_t)number_at(bytes + 10, 2);
    return true;
}

bool hh_decode_start(const uint8_t *bytes, size_t length, struct hh_start *start)
{
    if (!is_message(bytes, length, HH_START, 16))
        return false;
    start->boot_id = (uint32_t)number_at(bytes + 4, 4);
    start->device_time_us = number_at(bytes + 8, 8);
    return true;
}

/* CRC-32 of Ethernet, bit by bit: a frame has at most a few hundred bytes. */
static uint32_t crc32_of(const uint8_t *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;
    while (n-- > 0) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (UINT32_C(0xEDB88320) & (0u - (crc & 1u)));
    }
    return ~crc;
}

size_t hh_frame(uint8_t *out, size_t room, const uint8_t *message, size_t length)
{
    struct sink s = { out, room, 0, false };
    uint32_t crc = crc32_of(message, length);
    size_t code_at = 0;
    uint8_t code = 1;

    if (length == 0 || length > HH_MAX_MESSAGE)
        return 0;
    put_number(&s, 0, 1); /* the first code, filled in when it is known */
    for (size_t i = 0; i < length + 4; i++) {
        uint8_t byte = i < length ? message[i] : (uint8_t)(crc >> 8 * (i - length));
        if (byte != 0) {
            put(&s, &byte, 1);
            code++;
        }
        if (byte == 0 || (code == 0xFF && i + 1 < length + 4)) {
            if (s.full)
                return 0;
            out[code_at] = code;
            code_at = s.used;
            code = 1;
            put_number(&s, 0, 1);
        }
    }
    if (s.full)
        return 0;
    out[code_at] = code;
    put_number(&s, 0, 1);
    return done(&s);
}
