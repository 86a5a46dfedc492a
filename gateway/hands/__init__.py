"""
Further processes of one gateway that run its connections, because the threads of one process share one interpreter.

The first process, the gateway's own, keeps all that there is only once: the control API, the journal, coordinators and
owners, messages, handshakes, the queues. Its *hands* are forked before any thread is started, and run connections that
carry frames: the first process makes and accepts them, and passes each on with the state of its secret streams.
"""
