"""Trying a policy before it bites: case files, replays of a log, comparisons of two policies, and first policies.

Nothing here runs a tool, asks a person or writes a record. The one idea: every answer comes from the gate's own way of judging
(`Trial`), so what holds here holds when the policy is in force.
"""
