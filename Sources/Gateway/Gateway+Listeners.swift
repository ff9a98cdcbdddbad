import EventLoop
import Transport

/// What listeners show.
extension Gateway {
    /// New connections of the listener with that place in the settings begin with one of `contexts`, of which there is one
    /// for each loop; those that are open go on with what they have.
    public func renew(_ contexts: [TLSContext], number: Int) {
        self.home.preconditionOnLoop()
        guard !self.isStopping else { return }
        precondition(contexts.count >= self.loops.count, "a loop would be left with an old certificate")
        for (loop, context) in zip(self.loops, contexts) {
            loop.submit { $0.listeners.renew(context, number: number) }
        }
    }
}
