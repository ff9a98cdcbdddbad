import Primitives

/// Whose cookies a visitor shows, and where those go that a response sets.
extension CrowdPart {
    /// Fewer than this wait: a thief may be let in as a newcomer, and says nothing about what was shown.
    private static let fewestWaiting = 30

    /// Calls `body` with the jar that takes the cookies of a response. What those who keep none are given is forgotten.
    func withJar<Result>(of player: VisitorPlayer, _ body: (inout CookieJar) -> Result) -> Result {
        switch self.rules.manners(of: player.machine.visitor).cookies {
        case .own: return body(&player.cookies)
        case .shared: return body(&self.sharedJars[player.machine.visitor.person, default: CookieJar()])
        case .none, .stolen:
            var jar = player.theft?.set ?? CookieJar()
            defer { player.theft?.set = jar }
            return body(&jar)
        }
    }

    func cookiesToShow(by player: VisitorPlayer) -> CookieJar {
        let visitor = player.machine.visitor
        switch self.rules.manners(of: visitor).cookies {
        case .own: return player.cookies
        case .shared: return self.sharedJars[visitor.person] ?? CookieJar()
        case .none: return CookieJar()
        case .stolen:
            let stolen = self.stolenPass(for: player)
            let isJudged = self.waitingCount >= Self.fewestWaiting
            player.theft = isJudged ? stolen.map { (shown: $0, set: CookieJar(), facesLine: self.newcomersWait) } : nil
            return stolen ?? CookieJar()
        }
    }

    /// A pass that was shown by somebody else lets nobody in.
    func judgeTheft(by player: VisitorPlayer, _ heard: VisitorMachine.Heard) {
        guard let theft = player.theft else { return }
        player.theft = nil
        guard self.room.probeKinds.contains(.stolenPass) else { return }
        let isLetIn: Bool
        switch heard {
        case .waitingPage, .doorPage: isLetIn = false
        case .exchange, .inside: isLetIn = true
        case .error, .staleConnection, .vanished, .turnedAway: return
        }
        let outcome = ProbeResult.Outcome(
            isLetIn: isLetIn,
            facesLine: theft.facesLine,
            shown: theft.shown.number(on: self.passName),
            given: theft.set.number(on: self.passName)
        )
        // Those who are let in stand in the books as visitors.
        self.books.probes.answered(ProbeResult(kind: .stolenPass, outcome: outcome))
    }

    /// The pass of somebody who is inside and has another address.
    private func stolenPass(for player: VisitorPlayer) -> CookieJar? {
        let own = self.target.source(of: player.machine.visitor.person)
        let victim = self.anybody { machine in
            machine.isInside && self.rules.manners(of: machine.visitor).cookies == .own
                && self.target.source(of: machine.visitor.person) != own
        }
        guard let jar = victim?.cookies.taken(only: self.passName), !jar.header.isEmpty else {
            return nil
        }
        return jar
    }
}
