# SPDX-License-Identifier: BSD-2-Clause
import world
from world import lab


class End(world.LinkTest):
    """Last: the server that all the others used ends without a leak."""

    def test_server_ends_cleanly(self):
        code = lab.stop(world.server, 20)
        log = (world.folder / "server.log").read_text()
        world.server = None
        self.assertEqual(code, 0, log[-4000:])
        self.assertNotRegex(log, "ERROR|runtime error")
