/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_COMMANDS_H
#define CHASKI_CLI_COMMANDS_H

/* The subcommands. Each is given what follows its name and returns the exit code. */
int command_services(int count, char **words);
int command_fetch(int count, char **words);
int command_ping(int count, char **words);
int command_bench(int count, char **words);
int command_status(int count, char **words);
int command_demo(int count, char **words);
int command_knobs(int count, char **words);
int command_link(int count, char **words);

#endif
