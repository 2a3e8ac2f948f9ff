"""What strangers write, in forms that nobody would: it ends in an answer or in one clear sentence.

`targets` are the readers in pure Python, which `run` gives to a coverage-guided engine, `corpus` is what they
are begun with and what once broke them; the other tests alter files, filters, addresses and bodies.
"""
