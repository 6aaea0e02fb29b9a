/* doctor.c - `hearth doctor`: what this computer can do, and what would make it do more. */
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/models.h"
#include "hub/confine.h"

static int want_json;

static const struct opt options[] = {
    {"json", 0, OPT_FLAG, 0, "print one JSON object", &want_json, 0, 0, 0, 0},
    {0},
};

struct findings {
    struct hearth_machine m;
    double read_gbs, fma_gflops;
    double billions;                  /* parameters of the largest model that fits */
    double brisk;                     /* and of the largest that answers about as fast as people read */
    struct hub_advice advice;
    int has_advice;
    char *folder;                     /* where models are kept */
    size_t models;
    json_t *sentences;
};

/* A parameter takes 4.5 bits in Q4_0; a tenth more goes to the context and the working space, and half a gigabyte stays
 * for the rest of the computer. */
static const double bytes_per_parameter = 4.5 / 8 * 1.1;
static const double kept_free = 0.5e9;
static const double reading_speed = 4;    /* tokens per second */
static const double share_of_limit = 0.6; /* of the bandwidth, reached while answering */

static void advise(struct findings *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void advise(struct findings *f, const char *fmt, ...)
{
    va_list ap;
    char text[512];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_array_append_new(f->sentences, json_text(text, strlen(text)));
}

static void give_advice(struct findings *f)
{
    const struct hearth_machine *m = &f->m;
    const char *override = getenv("HEARTH_ISA"), *missing = strstr(hearth_features(), "built without");
    char b[24];
    if (override && *override)
        advise(f, "HEARTH_ISA is set to %s; without it hearth takes the fastest instruction set.", override);
    else if (strcmp(m->isa_chosen, "scalar") == 0)
        advise(f, "This processor has no instruction set that hearth has fast kernels for (AVX2 with FMA and F16C): answers "
                  "are the same, and slow.");
    if (m->quota > 0 && m->quota < m->cores_online)
        advise(f, "A container limit allows %.3g of %d cores; more would be faster.", m->quota, m->cores_online);
    else if (m->cores_usable < m->cores_online)
        advise(f, "This process may use %d of %d cores.", m->cores_usable, m->cores_online);
    if (m->memory_available < m->memory_total / 4)
        advise(f, "Only %s of memory is free: closing other programs makes room for larger models.",
               show_bytes(m->memory_available, b));
    if (f->billions < 0.1)
        advise(f, "There is hardly memory for a language model; smollm2 needs about 200 MB.");
    else if (f->has_advice)
        advise(f, "A model that suits this computer, and is better than the default one: %s (%s, licence %s), %s. Fetch a "
                  "GGUF file of it, from huggingface.co say, and `hearth import FILE`.", f->advice.name, f->advice.parameters,
               f->advice.licence, f->advice.good_at);
    if (!m->energy_counter)
        advise(f, "The energy counters cannot be read; where there are any, the administrator may allow it: chmod a+r "
                  "/sys/class/powercap/intel-rapl:*/energy_uj");
    if (missing)
        advise(f, "This hearth lacks a feature (%s): install the library's -dev package and build again.", missing);
    if (f->models == 0 && strstr(hearth_features(), "without libcurl"))
        advise(f, "There is no model on this computer yet, and this hearth cannot fetch one: bring a GGUF file and "
                  "`hearth import FILE`.");
    else if (f->models == 0) advise(f, "There is no model on this computer yet: hearth pull %s", hub_default_name());
}

static void look_at_store(struct findings *f)
{
    struct hub_model *list = NULL;
    if (hub_path(HUB_MODELS, NULL, &f->folder) != HEARTH_OK) f->folder = xstrdup("");
    if (hub_list(0, &list, &f->models) == HEARTH_OK) hub_models_free(list, f->models);
    else f->models = 0;
}

static int examine(struct findings *f)
{
    enum hearth_status st;
    if ((st = hearth_machine_describe(&f->m)) != HEARTH_OK) return report(st);
    note("measuring memory and arithmetic ...");
    st = hearth_machine_measure(f->m.cores_usable, 0.5, &f->read_gbs, &f->fma_gflops);
    if (st != HEARTH_OK) return report(st);
    double room = (double)f->m.memory_available - kept_free;
    f->billions = room > 0 ? room / bytes_per_parameter / 1e9 : 0;
    f->brisk = fmin(f->billions, share_of_limit * f->read_gbs / reading_speed / bytes_per_parameter);
    f->has_advice = model_advice(f->m.memory_total, f->read_gbs, &f->advice);
    look_at_store(f);
    f->sentences = json_array();
    give_advice(f);
    return EXIT_DONE;
}

static int print_json(const struct findings *f)
{
    const struct hearth_machine *m = &f->m;
    struct hub_confined c;
    json_t *j = json_pack(
        "{s:o, s:s, s:s, s:i, s:i, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:b, s:s, s:o, s:I, s:O}",
        "cpu", json_text(m->cpu, strlen(m->cpu)), "isa_found", m->isa_found, "isa_chosen", m->isa_chosen,
        "cores_online", m->cores_online, "cores_usable", m->cores_usable, "quota", m->quota,
        "memory_total", (json_int_t)m->memory_total, "memory_available", (json_int_t)m->memory_available,
        "read_gigabytes_per_second", f->read_gbs, "fma_gigaflops", f->fma_gflops,
        "largest_4bit_billion_parameters", f->billions, "brisk_4bit_billion_parameters", f->brisk, "energy_counter", m->energy_counter,
        "features", hearth_features(), "models_folder", json_text(f->folder, strlen(f->folder)),
        "models", (json_int_t)f->models, "advice", f->sentences);
    if (j && f->has_advice) json_object_set_new(j, "suggested_model", json_string(f->advice.name));
    hub_confinable(&c);
    if (j) json_object_set_new(j, "landlock", json_integer(c.landlock));
    if (j) json_object_set_new(j, "seccomp", json_boolean(c.seccomp));
    return json_print(j);
}

static void print_text(const struct findings *f)
{
    const struct hearth_machine *m = &f->m;
    char a[24], b[24];
    json_t *s;
    size_t i;
    printf("hearth            %s, commit %s, arithmetic version %d\n", hearth_version(), hearth_commit(),
           hearth_arithmetic_version());
    printf("processor         ");
    term_write(stdout, m->cpu, strlen(m->cpu));
    printf("\ninstruction sets  %s; in use: %s\n", *m->isa_found ? m->isa_found : "none of those hearth knows", m->isa_chosen);
    printf("cores             %d, of which this process may use %d", m->cores_online, m->cores_usable);
    if (m->quota > 0) printf(" (a limit of %.3g CPUs)", m->quota);
    printf("\nmemory            %s, of which %s is free\n", show_bytes(m->memory_total, a), show_bytes(m->memory_available, b));
    printf("read bandwidth    %.1f GB/s, measured now\n", f->read_gbs);
    printf("arithmetic        %.0f GFLOP/s of fused multiply-adds, measured now\n", f->fma_gflops);
    printf("largest model     about %.2g billion parameters in 4 bits fit in memory; up to about %.2g billion answer as fast as "
           "people read\n", f->billions, f->brisk);
    printf("energy counters   %s\n", m->energy_counter ? "readable" : "none that can be read");
    struct hub_confined c;
    hub_confinable(&c);
    printf("confinement       ");
    if (c.landlock) printf("Landlock (version %d)", c.landlock);
    else printf("no Landlock");
    printf("%s; what `hearth serve` gives up before it answers\n", c.seccomp ? ", seccomp" : ", no seccomp");
    printf("features          %s\n", hearth_features());
    printf("models            %zu in ", f->models);
    term_write(stdout, f->folder, strlen(f->folder));
    puts("");
    json_array_foreach(f->sentences, i, s) printf("%s- %s\n", i ? "" : "\n", json_string_value(s));
}

static int run(int argc, char **argv)
{
    struct findings f = {0};
    (void)argc;
    (void)argv;
    int code = examine(&f);
    if (code == EXIT_DONE && want_json) code = print_json(&f);
    else if (code == EXIT_DONE) print_text(&f);
    json_decref(f.sentences);
    free(f.folder);
    return code;
}

const struct command cmd_doctor = {
    .name = "doctor", .group = GROUP_INSPECT, .summary = "tell what this computer can do, with advice", .args = "",
    .about = "Instruction sets found and in use, cores and limits, memory and the largest model that fits, read bandwidth and "
             "arithmetic measured for a second, energy counters, the features built in.\n\n"
             "Reading all weights once is what a token of an answer costs: bandwidth divided by the size of the model is the "
             "most tokens a second that this computer can give.",
    .options = options, .run = run,
};
