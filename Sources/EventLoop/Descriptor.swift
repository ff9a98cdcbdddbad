import CLinux
import Glibc

/// What a descriptor in the loop's set is ready for.
public struct ReadyEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = ReadyEvents(rawValue: SLUICE_EPOLLIN)
    public static let writable = ReadyEvents(rawValue: SLUICE_EPOLLOUT)
    /// The peer has closed its sending side.
    public static let inputEnded = ReadyEvents(rawValue: SLUICE_EPOLLRDHUP)
    /// An error or a full hang-up: the next system call on the descriptor tells which.
    public static let failed = ReadyEvents(rawValue: SLUICE_EPOLLERR | SLUICE_EPOLLHUP)
}

/// A member of a loop's private epoll set. Edge-triggered, registered once for everything: no `epoll_ctl` a request.
///
/// A class with an overridable method rather than a protocol: the loop calls it for every event, and a call through
/// the class's table costs no existential container.
open class Descriptor {
    /// Non-blocking; owned, closed by `deregisterAndClose()`.
    public private(set) final var fd: Int32
    public final let loop: EventLoop
    /// Slot in the loop's table and the generation that tells a late event from one for the slot's next tenant.
    final var token: UInt64 = 0
    public private(set) final var isRegistered = false

    public init(loop: EventLoop, fd: Int32) {
        precondition(fd >= 0, "a descriptor is never negative")
        self.loop = loop
        self.fd = fd
    }

    deinit {
        // The loop's table holds a registered descriptor, so that only one never registered can still be open here.
        if self.fd >= 0 { close(self.fd) }
    }

    /// Called on the loop. Edge-triggered: what is ready must be used up, or remembered.
    open func ready(_ events: ReadyEvents) {
        preconditionFailure("\(type(of: self)) does not say what it does when it is ready")
    }

    /// The loop has taken its last turn. Must close the descriptor, and let go of what would keep this object alive.
    open func loopEnds() { self.deregisterAndClose() }

    public final func register(_ events: ReadyEvents = [.readable, .writable, .inputEnded]) throws {
        self.loop.preconditionOnLoop()
        precondition(!self.isRegistered && self.fd >= 0, "a descriptor is registered once")
        try self.loop.insert(self, events: events)
        self.isRegistered = true
    }

    /// Closing takes the descriptor out of the epoll set by itself.
    public final func deregisterAndClose() {
        self.loop.preconditionOnLoop()
        guard self.fd >= 0 else { return }
        if self.isRegistered {
            self.isRegistered = false
            self.loop.remove(self)
        }
        close(self.fd)
        self.fd = -1
    }
}
