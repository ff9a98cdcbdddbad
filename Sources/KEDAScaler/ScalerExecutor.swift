import Dispatch

/// Where the tasks behind gRPC run: a serial queue of their own.
///
/// The queues that tasks share otherwise are watched by Dispatch, which reads `/proc` for that and ends the process when
/// there is no descriptor left. A gateway in the same process must live on then.
final class ScalerExecutor: TaskExecutor {
    let queue = DispatchQueue(label: "sluice.keda")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    func after(seconds: Int, _ work: @escaping @Sendable () -> Void) {
        self.queue.asyncAfter(deadline: .now() + .seconds(seconds), execute: work)
    }
}
