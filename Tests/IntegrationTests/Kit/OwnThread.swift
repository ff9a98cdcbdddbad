import Foundation
import TestKit
import Testing

/// Runs each test of a suite on a thread that it may block: integration tests wait for processes and sockets, and on
/// the threads of Swift's own pool, of which there is one a core, they would keep every other test waiting too.
struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingThreads.shared) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    static var onOwnThread: Self { OwnThread() }
}

extension Trait where Self == ConditionTrait {
    /// For tests that wait for sessions, leases and outages to end, a third of the time of all: a sanitizer finds in them
    /// what it finds in the others.
    static var underSanitizersWhenLong: Self {
        .enabled(if: Patience.slowness == 1 || LongRun.isOne, "under sanitizers with `Tests/run long`")
    }
}

/// A bounded number of threads: each test runs several processes, and the machine has few cores.
// Unchecked because the only member is an `OperationQueue`, which may be used from any thread.
private final class BlockingThreads: TaskExecutor, @unchecked Sendable {
    static let shared = BlockingThreads()
    private let queue = OperationQueue()

    private init() {
        self.queue.name = "integration tests"
        // Most tests wait more than they compute, but a gateway under a sanitizer is ten times slower.
        self.queue.maxConcurrentOperationCount = Patience.slowness == 1 ? 6 : 3
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.queue.addOperation { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
