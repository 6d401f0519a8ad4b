/* hiphinge protocol v1 on a Seeed XIAO nRF52840 Sense with its LSM6DS3TR-C: acceleration and angular rate over Bluetooth LE.
 *
 * Arduino IDE, board package "Seeed nRF52 Boards" (Bluefruit library). The encoder beside this file is tested against the
 * protocol's vectors; this sketch has not been run on hardware yet.
 *
 * The data-ready interrupt stamps each sample with a 1 MHz timer and counts it. The loop reads it and packs eight samples
 * into a message. A sample that the loop misses leaves a hole in the index, so that the host knows of it.
 */
#include <Wire.h>
#include <bluefruit.h>

#include "hiphinge_v1.h"

/* GATT: 03d3000n-d079-422b-a4b0-fa164132b330, lowest byte first. */
#define UUID(n) { 0x30, 0xb3, 0x32, 0x41, 0x16, 0xfa, 0xb0, 0xa4, 0x2b, 0x42, 0x79, 0xd0, n, 0x00, 0xd3, 0x03 }
static const uint8_t SERVICE[] = UUID(1), INFO[] = UUID(2), CONTROL[] = UUID(3), DATA[] = UUID(4), SYNC[] = UUID(5), EVENT[] = UUID(6);
static BLEService service(SERVICE);
static BLECharacteristic info_chr(INFO), control_chr(CONTROL), data_chr(DATA), sync_chr(SYNC), event_chr(EVENT);

/* LSM6DS3TR-C: registers and the rates that suit us; sensitivities at 16 g and 2000 deg/s from its data sheet. */
static const uint8_t IMU = 0x6A, WHO_AM_I = 0x0F, INT1_CTRL = 0x0D, CTRL1_XL = 0x10, CTRL2_G = 0x11, CTRL3_C = 0x12, OUT_G = 0x22;
static const float RATES[] = { 52, 104, 208 };
static const uint8_t RATE_BITS[] = { 0x30, 0x40, 0x50 };
static const uint16_t ACC_RANGES[] = { 16 }, GYR_RANGES[] = { 2000 };
static const double ACC_SCALE = 0.488e-3 * 9.80665, GYR_SCALE = 70e-3 * 3.14159265358979 / 180.0;

static const uint8_t PER_MESSAGE = 8;

static uint32_t boot_id;
static uint8_t rate = 1, epoch = 1;
static volatile bool config_due, running;
static volatile uint64_t start_us = HH_NEVER;
static volatile uint32_t ready_count, ready_us;
static struct hh_sample samples[PER_MESSAGE];
static struct hh_data message;
static uint8_t held;
static uint32_t last_us, last_read;

static void set(uint8_t reg, uint8_t value)
{
    Wire1.beginTransmission(IMU);
    Wire1.write(reg);
    Wire1.write(value);
    Wire1.endTransmission();
}

static bool get(uint8_t reg, uint8_t *bytes, uint8_t n)
{
    Wire1.beginTransmission(IMU);
    Wire1.write(reg);
    if (Wire1.endTransmission(false) != 0 || Wire1.requestFrom(IMU, n) != n)
        return false;
    for (uint8_t i = 0; i < n; i++)
        bytes[i] = Wire1.read();
    return true;
}

/* The timer's 32 bits; each caller has a capture register of its own. */
static uint32_t timer_us(uint8_t capture)
{
    NRF_TIMER4->TASKS_CAPTURE[capture] = 1;
    return NRF_TIMER4->CC[capture];
}

static void on_ready()
{
    ready_us = timer_us(0);
    ready_count++;
}

/* Microseconds since boot, 64 bits; only the loop calls it, and more often than the timer wraps. */
static uint64_t clock_us()
{
    static uint32_t high, before;
    uint32_t low = timer_us(1);
    if (low < before)
        high++;
    before = low;
    return (uint64_t)high << 32 | low;
}

static void send_config()
{
    struct hh_config config = { epoch, RATES[rate], ACC_SCALE, GYR_SCALE };
    uint8_t out[32];
    control_chr.indicate(out, hh_encode_config(out, sizeof out, &config));
}

static void on_control(uint16_t, BLECharacteristic *, uint8_t *bytes, uint16_t length)
{
    struct hh_setup setup;
    struct hh_start start;
    if (hh_decode_setup(bytes, length, &setup)) {
        if (setup.rate_hz > 0) {
            uint8_t nearest = 0;
            for (uint8_t i = 1; i < sizeof RATE_BITS; i++)
                if (fabsf(RATES[i] - setup.rate_hz) < fabsf(RATES[nearest] - setup.rate_hz))
                    nearest = i;
            rate = nearest;
        }
        config_due = true; /* the loop answers: an indication must not wait in a callback */
    } else if (hh_decode_start(bytes, length, &start) && (start.boot_id == 0 || start.boot_id == boot_id)) {
        if (start.device_time_us == HH_NEVER)
            running = false;
        start_us = start.device_time_us;
    }
}

static uint8_t sync_asked[40];
static volatile bool sync_due;

static void on_sync(uint16_t, BLECharacteristic *, uint8_t *bytes, uint16_t length)
{
    if (length >= sizeof sync_asked && !sync_due) {
        memcpy(sync_asked, bytes, sizeof sync_asked);
        sync_due = true;
    }
}

static void on_disconnect(uint16_t, uint8_t)
{
    running = false;
    start_us = HH_NEVER;
}

static void begin_imu()
{
    pinMode(PIN_LSM6DS3TR_C_POWER, OUTPUT);
    digitalWrite(PIN_LSM6DS3TR_C_POWER, HIGH);
    delay(20);
    Wire1.begin();
    Wire1.setClock(400000);
    uint8_t who = 0;
    while (!get(WHO_AM_I, &who, 1) || who != 0x6A) {
        digitalToggle(LED_RED); /* no sensor: blink and try again */
        delay(200);
    }
    set(CTRL3_C, 0x44);   /* whole samples only; addresses count up */
    set(INT1_CTRL, 0x02); /* gyroscope ready */
    pinMode(PIN_LSM6DS3TR_C_INT1, INPUT);
    attachInterrupt(digitalPinToInterrupt(PIN_LSM6DS3TR_C_INT1), on_ready, RISING);
}

static void set_rate()
{
    set(CTRL1_XL, RATE_BITS[rate] | 0x04); /* 16 g */
    set(CTRL2_G, RATE_BITS[rate] | 0x0C);  /* 2000 deg/s */
}

static void begin_characteristic(BLECharacteristic &chr, uint8_t properties, BLECharacteristic::write_cb_t written)
{
    chr.setProperties(properties);
    chr.setPermission(SECMODE_OPEN, properties & (CHR_PROPS_WRITE | CHR_PROPS_WRITE_WO_RESP) ? SECMODE_OPEN : SECMODE_NO_ACCESS);
    chr.setMaxLen(244);
    if (written)
        chr.setWriteCallback(written);
    chr.begin();
}

void setup()
{
    NRF_TIMER4->MODE = TIMER_MODE_MODE_Timer;
    NRF_TIMER4->BITMODE = TIMER_BITMODE_BITMODE_32Bit;
    NRF_TIMER4->PRESCALER = 4; /* 16 MHz / 2^4 */
    NRF_TIMER4->TASKS_START = 1;

    Bluefruit.configPrphBandwidth(BANDWIDTH_MAX);
    Bluefruit.begin();
    Bluefruit.setName("hiphinge");
    Bluefruit.Periph.setConnInterval(6, 12); /* 7.5 to 15 ms: a long interval loses data */
    Bluefruit.Periph.setDisconnectCallback(on_disconnect);
    sd_rand_application_vector_get((uint8_t *)&boot_id, sizeof boot_id);
    boot_id |= boot_id == 0; /* 0 means any boot */

    service.begin();
    begin_characteristic(info_chr, CHR_PROPS_READ, NULL);
    begin_characteristic(control_chr, CHR_PROPS_WRITE | CHR_PROPS_INDICATE, on_control);
    begin_characteristic(data_chr, CHR_PROPS_NOTIFY, NULL);
    begin_characteristic(sync_chr, CHR_PROPS_WRITE_WO_RESP | CHR_PROPS_NOTIFY, on_sync);
    begin_characteristic(event_chr, CHR_PROPS_NOTIFY, NULL);

    struct hh_info info = {};
    char serial[17];
    snprintf(serial, sizeof serial, "%08lX%08lX", (unsigned long)NRF_FICR->DEVICEID[1], (unsigned long)NRF_FICR->DEVICEID[0]);
    info.model = "XIAO nRF52840 Sense";
    info.serial = serial;
    info.firmware = "1.0";
    info.boot_id = boot_id;
    info.clock_ppm = 20;
    info.rates_hz = RATES, info.rates = sizeof RATES / sizeof *RATES;
    info.acc_ranges_g = ACC_RANGES, info.acc_ranges = 1;
    info.gyr_ranges_dps = GYR_RANGES, info.gyr_ranges = 1;
    info.battery_percent = -1;
    uint8_t out[160];
    info_chr.write(out, hh_encode_info(out, sizeof out, &info));

    begin_imu();
    set_rate();
    Bluefruit.Advertising.addService(service);
    Bluefruit.Advertising.addName();
    Bluefruit.Advertising.restartOnDisconnect(true);
    Bluefruit.Advertising.start(0);
}

/* Read the sample that is ready, and send the message when it is full. */
static void take_sample()
{
    noInterrupts();
    uint32_t count = ready_count, stamp = ready_us;
    interrupts();
    if (count == last_read)
        return;
    bool hole = count != last_read + 1;
    last_read = count;
    uint8_t raw[HH_SAMPLE];
    if (!get(OUT_G, raw, sizeof raw) || !running)
        return;
    if (hole && held > 0) { /* the samples of a message follow each other */
        held = 0;
        message.overrun = true;
    }
    if (held == 0) {
        message.first_index = count - 1;
        message.first_time_us = stamp;
    }
    for (uint8_t axis = 0; axis < 3; axis++) {
        samples[held].gyr[axis] = (int16_t)(raw[2 * axis] | raw[2 * axis + 1] << 8);
        samples[held].acc[axis] = (int16_t)(raw[6 + 2 * axis] | raw[7 + 2 * axis] << 8);
    }
    last_us = stamp;
    if (++held < PER_MESSAGE)
        return;
    held = 0;
    message.span_us = last_us - message.first_time_us;
    message.epoch = epoch;
    uint8_t out[HH_DATA_HEADER + PER_MESSAGE * HH_SAMPLE];
    bool sent = data_chr.notify(out, hh_encode_data(out, sizeof out, &message, samples, PER_MESSAGE));
    message.sequence++;
    message.overrun = !sent; /* the radio's queue is full: these eight are lost, the next message says so */
}

void loop()
{
    uint64_t now = clock_us();
    if (config_due) {
        config_due = false;
        epoch++;
        held = 0;
        set_rate();
        send_config();
    }
    if (!running && start_us != HH_NEVER && (start_us == HH_AT_ONCE || now >= start_us)) {
        start_us = HH_NEVER;
        held = 0;
        running = true;
    }
    if (sync_due) {
        uint8_t out[40];
        sync_chr.notify(out, hh_answer_sync(out, sizeof out, sync_asked, sizeof sync_asked, boot_id, now, clock_us()));
        sync_due = false;
    }
    take_sample();
}
