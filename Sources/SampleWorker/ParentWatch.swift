import EventLoop
import Glibc
import Transport

/// Tells when the other end of standard input is closed, which is when the process that holds it is gone. Reads nothing.
final class ParentWatch: Descriptor {
    private let onEnd: () -> Void

    /// Standard input must be a pipe, a socket or a terminal: files have no other end.
    init(loop: EventLoop, onEnd: @escaping () -> Void) throws {
        let fd = dup(STDIN_FILENO)
        guard fd != -1 else { throw SystemError(call: "dup of standard input") }
        self.onEnd = onEnd
        super.init(loop: loop, fd: fd)
        try self.register([.readable, .inputEnded])
    }

    override func ready(_ events: ReadyEvents) {
        guard !events.isDisjoint(with: [.failed, .inputEnded]) else { return }
        self.deregisterAndClose()
        self.onEnd()
    }
}
