"""How well the product finds, answers and refuses, beside plainer ways in the same run."""
