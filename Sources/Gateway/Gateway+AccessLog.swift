import EventLoop
import Primitives

extension Gateway {
    /// A disk or a reader that stands still does not keep a process from ending.
    private static let accessLogPatienceNanoseconds = 2 * Nanoseconds.perSecond

    /// Writes the lines that wait, so that an orderly end loses none, and then calls `completion` on the home loop.
    func finishAccessLog(_ completion: @escaping () -> Void) {
        guard self.settings.accessLog.path != nil else { return completion() }
        var patience: LoopTimer?
        var isComplete = false
        let finish = {
            guard !isComplete else { return }
            isComplete = true
            patience?.disarm()
            patience = nil
            completion()
        }
        patience = self.home.after(nanoseconds: Self.accessLogPatienceNanoseconds) { finish() }
        let ending = Gathering<Void>(count: 1) { _ in finish() }
        let back = LoopBound(ending, loop: self.home)
        self.shares.accessLog.finish { back.submit { $0.arrive(()) } }
    }
}
