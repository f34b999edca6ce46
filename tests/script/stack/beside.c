/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/beside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REST_US = 200, PATIENCE = 10000 };

bool beside_is_over(const struct beside *beside)
{
    return __atomic_load_n(&beside->over, __ATOMIC_ACQUIRE);
}

static void *run(void *argument)
{
    struct beside *beside = argument;
    __atomic_store_n(&beside->thread_id, (int)gettid(), __ATOMIC_RELEASE);
    beside->attempt(beside->context);
    beside->over_at = beside->clock(beside->of);
    __atomic_store_n(&beside->over, true, __ATOMIC_RELEASE);
    return NULL;
}

static bool sleeps(int thread_id)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_id);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    const char *behind_name = strrchr(text, ')');
    return behind_name != NULL && strncmp(behind_name, ") S", 3) == 0;
}

bool beside_works(const struct beside *beside)
{
    int id = __atomic_load_n(&beside->thread_id, __ATOMIC_ACQUIRE);
    return beside->running && !beside_is_over(beside) && (id == 0 || !sleeps(id));
}

void beside_rest(void)
{
    usleep(REST_US);
}

bool beside_attempt(struct beside *beside, void (*attempt)(void *context), void *context)
{
    if (!beside->running) {
        beside->attempt = attempt;
        beside->context = context;
        beside->over = false;
        beside->thread_id = 0;
        beside->running = pthread_create(&beside->thread, NULL, run, beside) == 0;
        for (int i = 0; i < PATIENCE && beside_works(beside); i++)
            beside_rest();
    }
    if (!beside_is_over(beside))
        return false;
    pthread_join(beside->thread, NULL);
    beside->running = false;
    return true;
}
