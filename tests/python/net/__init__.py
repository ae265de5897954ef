# SPDX-License-Identifier: Apache-2.0
"""Hub and workers as real processes, on links that fail. The tests here need sockets, processes and sometimes root."""
