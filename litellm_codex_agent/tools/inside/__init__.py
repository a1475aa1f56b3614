"""The program behind the file tools. It is handed to the interpreter in the sandbox as text, and runs there.

Law: it knows the standard library, its own files and nothing else of ours. The wall decides what it can reach; what it
cannot do it tells in one sentence.
"""
