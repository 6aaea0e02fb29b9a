/* task.c - fuzz target: bytes taken for a task file in YAML and for a list as Python prints it.  What is read
 * is JSON that can be written; what is not is named. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "work/task_in.h"
#include "work/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *v = NULL, *list = task_literal((const char *)data, size);
    enum hearth_status st = yaml_read("input", (const char *)data, size, &v);
    char *text = st == HEARTH_OK ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
    if (st == HEARTH_OK ? !text : v || !*hearth_errmsg()) abort();
    free(text);
    json_decref(v);
    json_decref(list);
    return 0;
}
