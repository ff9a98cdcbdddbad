/// How tests find out that nothing more happens.
extension SluiceProcess {
    /// Waits until `metric` is more than nought and has stayed as it is for half a second, in which the loops have
    /// taken so many turns: a gateway that has not had the processor for that long has not come to rest.
    func waitForStandstill(of metric: String, turns: Double = 50) throws {
        var reached = 0.0
        var (since, turnsBefore) = (Patience.nowMilliseconds, 0.0)
        try Patience.wait(for: "\(metric) to stay as it is, \(reached) so far") {
            let metrics = try self.metrics()
            guard let now = metrics[metric], let turnsNow = metrics["sluice_loop_turns_total"] else {
                throw Disappointment("\(metric) and the turns of the loops are not among the metrics")
            }
            if now != reached { (reached, since, turnsBefore) = (now, Patience.nowMilliseconds, turnsNow) }
            return reached > 0 && Patience.nowMilliseconds - since > 500 && turnsNow - turnsBefore >= turns
        }
    }
}
