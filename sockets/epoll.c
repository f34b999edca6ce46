/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

/*
 * poll and epoll. Whether a file is ready is always asked of the file itself. Edges (EPOLLET) are
 * kept with the watch: it is told again only after something that it asked for has happened since
 * it was told last.
 */

enum {
    ALWAYS = EPOLLERR | EPOLLHUP,
    MODES = (int)(EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE),
    WITH_EXCLUSIVE = (int)(EPOLLIN | EPOLLOUT | EPOLLET | EPOLLWAKEUP | EPOLLEXCLUSIVE) | ALWAYS,
    DEPTH_MAX = 5, /* of sets within sets, as Linux has it */
};

/* One file in one set; a member of two lists. */
struct watch {
    struct watch *next_in_set;
    struct watch *next_of_file;
    struct set *set;
    struct file *file;
    int fd;          /* by which it was added: with the file, what tells it from others */
    uint32_t events; /* ALWAYS among them; none but MODES: EPOLLONESHOT has been told */
    bool happened;   /* something that it asked for, since it was told last */
    uint64_t data;
};

struct set {
    struct file file; /* first */
    struct watch *first;
};

static uint32_t events_of(struct file *file)
{
    return file->operations->events != NULL ? file->operations->events(file) : EPOLLIN | EPOLLOUT;
}

void file_happened(struct file *file, uint32_t events)
{
    for (struct watch *watch = file->watches; watch != NULL; watch = watch->next_of_file) {
        if ((events & watch->events) == 0)
            continue;
        watch->happened = true;
        file_happened(&watch->set->file, EPOLLIN | EPOLLRDNORM); /* add() lets no circle be */
    }
}

/* ---- Sets ---- */

/* What is to be told about a watch now; 0: nothing. */
static uint32_t ready(const struct watch *watch)
{
    uint32_t wanted = watch->events & ~(uint32_t)MODES;
    uint32_t events = wanted != 0 ? events_of(watch->file) & wanted : 0;
    return (watch->events & EPOLLET) != 0 && !watch->happened ? 0 : events;
}

static uint32_t set_events(struct file *file)
{
    const struct set *set = (const struct set *)file;
    for (const struct watch *watch = set->first; watch != NULL; watch = watch->next_in_set)
        if (ready(watch) != 0)
            return EPOLLIN | EPOLLRDNORM;
    return 0;
}

static void unlink_of_file(struct watch *watch)
{
    struct watch **link = &watch->file->watches;
    while (*link != watch)
        link = &(*link)->next_of_file;
    *link = watch->next_of_file;
}

static void unlink_in_set(struct watch *watch)
{
    struct watch **link = &watch->set->first;
    while (*link != watch)
        link = &(*link)->next_in_set;
    *link = watch->next_in_set;
}

static void append_to_set(struct watch *watch)
{
    struct watch **link = &watch->set->first;
    while (*link != NULL)
        link = &(*link)->next_in_set;
    watch->next_in_set = NULL;
    *link = watch;
}

static void drop(struct watch *watch)
{
    unlink_of_file(watch);
    unlink_in_set(watch);
    free(watch);
}

void watches_drop(struct file *file)
{
    while (file->watches != NULL)
        drop(file->watches);
}

static int set_close(struct file *file)
{
    struct set *set = (struct set *)file;
    while (set->first != NULL)
        drop(set->first);
    return 0;
}

static const struct file_operations set_operations = {
    .close = set_close,
    .events = set_events,
};

static struct set *set_of(struct file *file)
{
    return file->operations == &set_operations ? (struct set *)file : NULL;
}

int sockets_epoll_create(struct sockets *s, int flags)
{
    if ((flags & ~EPOLL_CLOEXEC) != 0)
        return -EINVAL;
    struct file *file = file_new(s, &set_operations, sizeof(struct set), O_RDWR);
    if (file == NULL)
        return -ENOMEM;
    int fd = table_add(s, file, s->first);
    if (fd < 0)
        free(file);
    else if (flags & EPOLL_CLOEXEC)
        sockets_fcntl(s, fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* ---- Changing ---- */

/* How many sets stand one within another from this file down, no further than DEPTH_MAX. */
static int depth_of(struct file *file, int at)
{
    const struct set *set = set_of(file);
    int deepest = at;
    if (set == NULL || at > DEPTH_MAX)
        return at;
    for (const struct watch *watch = set->first; watch != NULL; watch = watch->next_in_set) {
        int depth = depth_of(watch->file, at + 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static bool contains(struct file *outer, const struct file *inner)
{
    const struct set *set = set_of(outer);
    if (outer == inner)
        return true;
    for (const struct watch *watch = set != NULL ? set->first : NULL; watch != NULL;
         watch = watch->next_in_set)
        if (contains(watch->file, inner))
            return true;
    return false;
}

static struct watch *find(const struct set *set, const struct file *file, int fd)
{
    for (struct watch *watch = set->first; watch != NULL; watch = watch->next_in_set)
        if (watch->file == file && watch->fd == fd)
            return watch;
    return NULL;
}

static int add(struct set *set, struct file *file, int fd, const struct epoll_event *event)
{
    if (set_of(file) != NULL &&
        (contains(file, &set->file) || depth_of(file, 1) + depth_of(&set->file, 1) > DEPTH_MAX))
        return -ELOOP;
    struct watch *watch = malloc(sizeof *watch);
    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct watch){
        .set = set,
        .file = file,
        .fd = fd,
        .events = event->events | ALWAYS,
        .happened = true, /* what holds already is told once */
        .data = event->data.u64,
        .next_of_file = file->watches,
    };
    file->watches = watch;
    append_to_set(watch);
    return 0;
}

static int modify(struct watch *watch, const struct epoll_event *event)
{
    if (watch == NULL)
        return -ENOENT;
    if (watch->events & EPOLLEXCLUSIVE)
        return -EINVAL;
    watch->events = event->events | ALWAYS;
    watch->data = event->data.u64;
    watch->happened = true;
    return 0;
}

/* EPOLLEXCLUSIVE is for files, goes with few other events, and comes with EPOLL_CTL_ADD only. */
static bool is_exclusive_in_vain(const struct epoll_event *event, int operation, struct file *file)
{
    if (operation == EPOLL_CTL_DEL || !(event->events & EPOLLEXCLUSIVE))
        return false;
    return operation == EPOLL_CTL_MOD || set_of(file) != NULL ||
           (event->events & ~(uint32_t)WITH_EXCLUSIVE) != 0;
}

int sockets_epoll_ctl(struct sockets *s, int set_fd, int operation, int fd,
                      struct epoll_event *event)
{
    struct file *set_file = file_of(s, set_fd), *file = file_of(s, fd);
    if (event == NULL && operation != EPOLL_CTL_DEL)
        return -EFAULT;
    if (set_file == NULL || file == NULL)
        return -EBADF;
    if (file->operations->events == NULL)
        return -EPERM;
    struct set *set = set_of(set_file);
    if (set == NULL || file == set_file || is_exclusive_in_vain(event, operation, file))
        return -EINVAL;
    struct watch *watch = find(set, file, fd);
    switch (operation) {
    case EPOLL_CTL_ADD:
        return watch != NULL ? -EEXIST : add(set, file, fd, event);
    case EPOLL_CTL_MOD:
        return modify(watch, event);
    case EPOLL_CTL_DEL:
        if (watch == NULL)
            return -ENOENT;
        drop(watch);
        return 0;
    default:
        return -EINVAL;
    }
}

/* ---- Waiting ---- */

static void told(struct watch *watch)
{
    watch->happened = false;
    if (watch->events & EPOLLONESHOT)
        watch->events &= (uint32_t)MODES;
    /* Behind the others, so that all have their turn when there is not room for all. */
    unlink_in_set(watch);
    append_to_set(watch);
}

int sockets_epoll_wait(struct sockets *s, int set_fd, struct epoll_event *events, int most)
{
    struct file *file = file_of(s, set_fd);
    if (file == NULL)
        return -EBADF;
    struct set *set = set_of(file);
    if (set == NULL || most <= 0 || (size_t)most > INT_MAX / sizeof *events)
        return -EINVAL;
    if (events == NULL)
        return -EFAULT;
    const struct watch *last = set->first;
    while (last != NULL && last->next_in_set != NULL)
        last = last->next_in_set;
    int count = 0;
    bool is_last = last == NULL;
    for (struct watch *watch = set->first; !is_last && count < most;) {
        struct watch *next = watch->next_in_set;
        uint32_t now = ready(watch);
        is_last = watch == last;
        if (now != 0) {
            events[count++] = (struct epoll_event){.events = now, .data.u64 = watch->data};
            told(watch);
        }
        watch = next;
    }
    return count;
}

int sockets_poll(struct sockets *s, struct pollfd *entries, nfds_t count)
{
    int found = 0;
    if (entries == NULL && count != 0)
        return -EFAULT;
    for (nfds_t i = 0; i < count; i++) {
        struct file *file = entries[i].fd < 0 ? NULL : file_of(s, entries[i].fd);
        uint32_t wanted = (uint32_t)(uint16_t)entries[i].events | ALWAYS;
        entries[i].revents = 0;
        if (file != NULL)
            entries[i].revents = (short)(events_of(file) & wanted);
        else if (entries[i].fd >= 0)
            entries[i].revents = POLLNVAL;
        found += entries[i].revents != 0;
    }
    return found;
}
