// SPDX-License-Identifier: BSD-2-Clause
#include <chaski/address.h>
#include <chaski/chaski.h>
#include <chaski/counters.h>
#include <chaski/loop.h>

#include <string>
#include <vector>

// A stranger's program in C++ against the shared library: the headers compile, the names link.
int main()
{
    chaski_limits limits;
    chaski_limits_for(&limits, 8 << 20, 10);
    std::vector<unsigned char> memory(chaski_size(&limits));
    const unsigned char seed[32] = {1};
    chaski *host = chaski_init(memory.data(), memory.size(), &limits, seed, 0);
    chaski_address address = chaski_ip4(192, 0, 2, 1);
    char text[CHASKI_ADDRESS_TEXT];
    if (host == nullptr || std::string(chaski_address_text(&address, text)) != "192.0.2.1")
        return 1;
    chaski_poll(host, 0);
    return chaski_counter_value(host, CHASKI_DROP_NOT_WIRED) == 0 ? 0 : 2;
}
