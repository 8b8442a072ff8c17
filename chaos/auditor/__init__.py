"""The auditor: trusts nobody's status; reads disks, repositories, the graph and the saga log, and judges them."""
