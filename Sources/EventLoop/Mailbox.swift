import CLinux
import Glibc
import Synchronization

/// Work handed to a loop by other threads. One eventfd write wakes the loop for any number of posts.
final class Mailbox: Sendable {
    let eventfd: Int32
    private let limit: Int
    private struct Posts {
        var waiting: [@Sendable () -> Void] = []
        /// The previous batch's storage, so that steady traffic between loops allocates nothing.
        var spare: [@Sendable () -> Void] = []
    }
    private let posts = Mutex(Posts())
    /// A look that costs no lock for the turns, nearly all of them, in which nobody posted.
    private let hasPosts = Atomic(false)

    init(limit: Int) throws {
        self.limit = limit
        self.eventfd = CLinux.eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard self.eventfd != -1 else { throw SystemError(call: "eventfd") }
    }

    deinit { close(self.eventfd) }

    func post(_ work: @escaping @Sendable () -> Void) {
        let mustWake = self.posts.withLock { posts in
            precondition(posts.waiting.count < self.limit, "a loop was sent \(self.limit) pieces of work and took none")
            posts.waiting.append(work)
            return !self.hasPosts.exchange(true, ordering: .releasing)
        }
        guard mustWake else { return }
        var one: UInt64 = 1
        _ = write(self.eventfd, &one, 8)
    }

    /// Takes the wake-up; the work itself is done by `drain()` later in the turn.
    func acknowledge() {
        var count: UInt64 = 0
        _ = read(self.eventfd, &count, 8)
    }

    /// Runs what was posted; returns how many pieces.
    func drain() -> Int {
        guard self.hasPosts.load(ordering: .acquiring) else { return 0 }
        var batch = self.posts.withLock { posts in
            self.hasPosts.store(false, ordering: .relaxed)
            let batch = posts.waiting
            posts.waiting = posts.spare
            posts.spare = []
            return batch
        }
        for work in batch { work() }
        let count = batch.count
        batch.removeAll(keepingCapacity: count <= 1_024)
        self.posts.withLock { $0.spare = batch }
        return count
    }
}
