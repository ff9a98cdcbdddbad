import Simulation

extension Response {
    /// What a visitor reads of an answer of the simulated site.
    init(_ answer: SimulatedSite.Answer) {
        switch answer {
        case .outside(let position, _):
            var page = WaitingPage(
                number: position.number,
                refreshSeconds: position.refreshSeconds,
                opensInSeconds: position.opensInSeconds
            )
            page.position = position.number == nil ? 0 : position.ahead + 1
            page.waiting = position.waiting
            page.estimateSeconds = position.estimateSeconds
            self.init(
                status: 200,
                standing: position.state == .atDoor ? .atDoor : .waiting,
                page: page,
                retryAfterSeconds: position.refreshSeconds
            )
        case .inside: self.init(status: 200, standing: .admitted)
        case .failed(let status, let isGateways):
            self.init(status: status, retryAfterSeconds: 1, isGatewayError: isGateways, hasMark: !isGateways)
        }
    }
}

extension SimulatedJars.Jar {
    /// The cookies that an answer sets.
    init(_ answer: SimulatedSite.Answer) {
        switch answer {
        case .outside(_, let place): self.init(place: place)
        case .inside(let pass, let place): self.init(pass: pass, place: place)
        case .failed: self.init()
        }
    }
}
