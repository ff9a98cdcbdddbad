import Foundation
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

/// A bounded number of threads: each test runs several processes, and the machine has few cores.
// Unchecked because the only member is an `OperationQueue`, which may be used from any thread.
private final class BlockingThreads: TaskExecutor, @unchecked Sendable {
    static let shared = BlockingThreads()
    private let queue = OperationQueue()

    private init() {
        self.queue.name = "integration tests"
        // A gateway under a sanitizer is ten times slower, and most tests wait more than they compute.
        let isSlow = ProcessInfo.processInfo.environment["SLUICE_SANITIZER"] != nil
        self.queue.maxConcurrentOperationCount = isSlow ? 2 : 4
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.queue.addOperation { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
