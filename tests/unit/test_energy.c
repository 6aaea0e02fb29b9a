/* test_energy.c - energy counters, batteries and clocks of simulated machines: wraps, several packages, memory, counters that may
 * not be read or make no sense. */
#include "os/os.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine_tree.h"

#define assert_says(call, status, words) do { \
    enum hearth_status st_ = (call); \
    if (st_ != (status) || !strstr(hearth_errmsg(), (words))) \
        fail_msg("%s: %s: %s; wanted %s with \"%s\"", #call, hearth_status_name(st_), hearth_errmsg(), hearth_status_name(status), words); \
} while (0)

static const unsigned long long range = 262143328850ull;

static void no_counters(void **state)
{
    struct os_energy *e;
    (void)state;
    assert_says(os_energy_open(&e), HEARTH_ENOTFOUND, "shows no energy counters");
    assert_null(e);
    assert_false(os_energy_readable());
    machine_zone("intel-rapl:0", "psys", range, 5);
    machine_put("sys/class/powercap/intel-rapl/enabled", "1\n");
    assert_says(os_energy_open(&e), HEARTH_ENOTFOUND, "no energy counter of a processor package");
}

static void one_package(void **state)
{
    struct os_energy *e;
    uint64_t package, dram;
    (void)state;
    machine_zone("intel-rapl:0", "package-0", range, range - 1000);
    machine_zone("intel-rapl:0:0", "core", range, 77);
    assert_true(os_energy_readable());
    assert_int_equal(os_energy_open(&e), HEARTH_OK);
    assert_int_equal(os_energy_packages(e), 1);
    assert_false(os_energy_has_dram(e));
    assert_int_equal(os_energy_range(e), range);
    assert_int_equal(os_energy_read(e, &package, &dram), HEARTH_OK);
    assert_int_equal(package, 0);
    machine_counter("intel-rapl:0", 500);        /* it began again: 1000 to the end, 500 after it */
    machine_counter("intel-rapl:0:0", 999999);
    assert_int_equal(os_energy_read(e, &package, &dram), HEARTH_OK);
    assert_int_equal(package, 1500);
    assert_int_equal(dram, 0);
    for (int round = 0; round < 5; round++) {
        machine_counter("intel-rapl:0", range - 1);
        assert_int_equal(os_energy_read(e, &package, &dram), HEARTH_OK);
        machine_counter("intel-rapl:0", 500);
        assert_int_equal(os_energy_read(e, &package, &dram), HEARTH_OK);
    }
    assert_int_equal(package, 1500 + 5 * range);
    os_energy_close(e);
}

static void packages_and_memory(void **state)
{
    struct os_energy *e;
    uint64_t package, dram;
    (void)state;
    machine_zone("intel-rapl:0", "package-0", range, 100);
    machine_zone("intel-rapl:0:0", "core", range, 1);
    machine_zone("intel-rapl:0:1", "dram", 65532610987ull, 65532610987ull);
    machine_zone("intel-rapl:1", "package-1", range, 200);
    machine_zone("intel-rapl:1:0", "dram", 65532610987ull, 10);
    machine_zone("intel-rapl:2", "psys", range, 1);
    machine_zone("intel-rapl-mmio:0", "package-0", range, 100);
    assert_int_equal(os_energy_open(&e), HEARTH_OK);
    assert_int_equal(os_energy_packages(e), 2);
    assert_true(os_energy_has_dram(e));
    assert_int_equal(os_energy_range(e), 65532610987ull);
    machine_counter("intel-rapl:0", 1100);
    machine_counter("intel-rapl:1", 2200);
    machine_counter("intel-rapl:2", 900000);
    machine_counter("intel-rapl-mmio:0", 1100);
    machine_counter("intel-rapl:0:1", 30);
    machine_counter("intel-rapl:1:0", 15);
    assert_int_equal(os_energy_read(e, &package, &dram), HEARTH_OK);
    assert_int_equal(package, 3000);
    assert_int_equal(dram, 35);
    os_energy_close(e);
}

/* Root may read everything, so the permission is looked at as somebody else. */
static void not_permitted(void **state)
{
    int status;
    (void)state;
    machine_zone("intel-rapl:0", "package-0", range, 100);
    machine_zone("intel-rapl:1", "package-1", range, 100);
    assert_int_equal(chmod(machine_file("sys/class/powercap/intel-rapl:1/energy_uj"), 0), 0);
    for (const char *const *dir = (const char *const[]){"sys", "sys/class", "sys/class/powercap", "sys/class/powercap/intel-rapl:0",
                                                        "sys/class/powercap/intel-rapl:1", NULL}; *dir; dir++)
        assert_int_equal(chmod(machine_file(*dir), 0755), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct os_energy *e;
        if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
        int refused = os_energy_open(&e) == HEARTH_EIO && !e && strstr(hearth_errmsg(), "may not read it") &&
                      strstr(hearth_errmsg(), "chmod a+r") && strstr(hearth_errmsg(), "intel-rapl:1/energy_uj");
        _exit(refused && !os_energy_readable() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void nonsense(void **state)
{
    static const struct { const char *now, *words; } bad[] = {
        {"", "is no count"}, {"abc\n", "\"abc\" is no count"}, {"-5\n", "is no count"}, {"12 34\n", "is no count"},
        {"262143328851\n", "from 0 to 262143328850"}, {"99999999999999999999999999\n", "is no count"},
    };
    struct os_energy *e;
    uint64_t package, dram;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        machine_zone("intel-rapl:0", "package-0", range, 0);
        assert_int_equal(os_energy_open(&e), HEARTH_OK);
        machine_put("sys/class/powercap/intel-rapl:0/energy_uj", bad[i].now);
        assert_says(os_energy_read(e, &package, &dram), HEARTH_EIO, bad[i].words);
        os_energy_close(e);
        assert_says(os_energy_open(&e), HEARTH_EIO, bad[i].words);
    }
    machine_zone("intel-rapl:0", "package-0", 0, 0);
    assert_says(os_energy_open(&e), HEARTH_EIO, "max_energy_range_uj");
    assert_int_equal(unlink(machine_file("sys/class/powercap/intel-rapl:0/max_energy_range_uj")), 0);
    assert_says(os_energy_open(&e), HEARTH_EIO, "max_energy_range_uj");
    machine_zone("intel-rapl:0", "package-0", range, 0);
    assert_int_equal(unlink(machine_file("sys/class/powercap/intel-rapl:0/energy_uj")), 0);
    assert_says(os_energy_open(&e), HEARTH_ENOTFOUND, "energy_uj");
    os_energy_close(NULL);
}

static void batteries(void **state)
{
    (void)state;
    assert_true(os_battery_watts() == 0);
    machine_put("sys/class/power_supply/AC/online", "0\n");
    machine_put("sys/class/power_supply/BAT0/status", "Charging\n");
    machine_number("sys/class/power_supply/BAT0/power_now", 9000000);
    assert_true(os_battery_watts() == 0);
    machine_put("sys/class/power_supply/BAT0/status", "Discharging\n");
    assert_true(os_battery_watts() == 9);
    machine_put("sys/class/power_supply/BAT1/status", "Discharging\n");
    assert_true(os_battery_watts() == 9);
    machine_number("sys/class/power_supply/BAT1/current_now", 500000);
    machine_number("sys/class/power_supply/BAT1/voltage_now", 12000000);
    assert_true(os_battery_watts() == 15);
}

static void clocks(void **state)
{
    int online, usable;
    double quota;
    (void)state;
    assert_true(os_cpu_mhz() == 0);
    assert_true(os_busy_seconds() == 0);
    os_cores(&online, &usable, &quota);
    for (int i = 0; i < 1024; i++) {
        char path[96];
        snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", i);
        machine_number(path, 2400000);
        if (i > online + 64) break;
    }
    assert_true(os_cpu_mhz() == 2400);
    /* user nice system idle iowait irq softirq steal: idle, waiting and stolen time are no work */
    machine_put("proc/stat", "cpu  100 20 30 4000 500 6 7 80 0 0\ncpu0 1 2 3\n");
    assert_true(os_busy_seconds() == 163 / (double)sysconf(_SC_CLK_TCK));
    machine_put("proc/stat", "cpu  100 20\n");
    assert_true(os_busy_seconds() == 0);
    unsetenv("HEARTH_SYSTEM_ROOT");
    double before = os_cpu_seconds();
    assert_true(before > 0);
    for (volatile unsigned long i = 0; os_cpu_seconds() < before + 0.02; i++) continue;
    assert_true(os_cpu_seconds() >= before + 0.02);
}

#define case(f) cmocka_unit_test_setup_teardown(f, machine_make, machine_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        case(no_counters), case(one_package), case(packages_and_memory), case(not_permitted), case(nonsense), case(batteries), case(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
