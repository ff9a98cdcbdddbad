import EventLoop
import Primitives

/// An orderly end waits for what is under way, but not for ever.
extension Gateway {
    /// A disk or a reader that stands still does not keep a process from ending.
    private static let accessLogPatienceNanoseconds = 2 * Nanoseconds.perSecond

    /// `completion` is called once, on the home loop: by whoever calls what is returned, there too, or when that takes too
    /// long.
    func atLatest(afterNanoseconds nanoseconds: Int64, _ completion: @escaping () -> Void) -> () -> Void {
        var isComplete = false
        var patience: LoopTimer?
        let finish = {
            guard !isComplete else { return }
            isComplete = true
            patience?.disarm()
            patience = nil
            completion()
        }
        patience = self.home.after(nanoseconds: nanoseconds) { finish() }
        return finish
    }

    /// Writes the lines that wait, and then calls `completion` on the home loop.
    func finishAccessLog(_ completion: @escaping () -> Void) {
        guard self.settings.accessLog.path != nil else { return completion() }
        let finish = self.atLatest(afterNanoseconds: Self.accessLogPatienceNanoseconds, completion)
        let back = LoopBound(Gathering<Void>(count: 1) { _ in finish() }, loop: self.home)
        self.shares.accessLog.finish { back.submit { $0.arrive(()) } }
    }
}
