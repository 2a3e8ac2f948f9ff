"""Closed forms of heat supply and demand: pure, vectorised over numpy arrays, cited.

NaN in, NaN out: what is not known stays not known. Every constant that is
policy, standard or assumption is an argument; its value lives in the rule set.
"""
