"""The restricted tier: Python snippets in the process, within a budget that holds.

For trusted, low-risk use: a formula, a filter, a small transformation that a model writes. It is no sandbox: a bug in Python itself is
the host's bug. Untrusted code belongs in the sandbox tier.
"""

from ringfence.restricted.budget import Budget
from ringfence.restricted.evaluation import Evaluation, evaluate
from ringfence.restricted.modules import DEFAULT_MODULES

__all__ = ["DEFAULT_MODULES", "Budget", "Evaluation", "evaluate"]
