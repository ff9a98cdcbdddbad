import EventLoop
import Primitives

/// Tokens that are no good, shown on purpose while people wait in line: nobody may be let in by one.
extension CrowdPart {
    /// Whose tokens are used up from here on.
    func keepForProbes(_ cookies: CookieJar, of index: Int) {
        self.probes.keep(cookies, of: index, now: MonotonicClock.now())
    }

    /// Somebody who is inside goes away and gives nothing back.
    func keepLeftForProbes(_ cookies: CookieJar, of index: Int) {
        self.probes.keepLeft(cookies, of: index, now: MonotonicClock.now())
    }

    /// Whoever comes new has to wait: more are in line than a room calls ahead, who may be on their way, offline, or inside
    /// with a first page that has not come.
    var newcomersWait: Bool {
        let share = self.crowd.count / Self.partsThatMakeWait / max(1, self.shareCount)
        return self.waitingCount >= max(Self.fewestThatMakeWait, share)
    }

    private static let fewestThatMakeWait = 300
    private static let partsThatMakeWait = 4

    /// Far more wait than may have been called and be on their way.
    private var hasLongLine: Bool {
        let share = self.crowd.count / Self.partsOfALongLine / max(1, self.shareCount)
        return self.waitingCount >= max(Self.fewestOfALongLine, share)
    }

    private static let fewestOfALongLine = 30
    private static let partsOfALongLine = 10

    /// Sends one probe of each kind for which there is somebody to take the tokens from.
    func sendProbes() {
        self.loop.preconditionOnLoop()
        for kind in self.room.probeKinds {
            guard let (cookies, index, number) = self.tokens(for: kind) else { continue }
            self.books.probes.tries(kind)
            guard !cookies.header.isEmpty else { continue }
            let ordinal = self.probes.next()
            ProbePlayer(kind, cookies: cookies, number: number, from: index, ordinal: ordinal, crowd: self).start()
        }
    }

    /// What came of showing the one cookie in `shown`; the answer came with those in `set`.
    ///
    /// - Parameters:
    ///   - number: on the place that was forged.
    ///   - facesLine: there was a long line when it was shown.
    func probed(
        _ kind: ProbeKind,
        number: Int64?,
        facesLine: Bool,
        shown: CookieJar,
        set: CookieJar,
        _ response: Response,
        sentAt: Instant
    ) {
        let outcome = ProbeResult.Outcome(
            // What only a worker can know has been past the room, whatever the gateway says.
            isLetIn: response.standing == .admitted || response.hasMark,
            facesLine: facesLine,
            // A stranger is given a new number.
            isOwners: number != nil && response.page?.number == number,
            shown: shown.number(on: kind.isPass ? self.passName : self.placeName),
            given: set.number(on: self.passName)
        )
        self.books.answered(ProbeResult(kind: kind, outcome: outcome), sentAt: sentAt, now: MonotonicClock.now())
    }

    private var placeName: String { "sluice-place-\(self.room.name)" }
    var passName: String { "sluice-pass-\(self.room.name)" }

    /// The cookies to show, the number on the place that is forged, and from whose address.
    private func tokens(for kind: ProbeKind) -> (cookies: CookieJar, index: Int, number: Int64?)? {
        let (place, pass) = (self.placeName, self.passName)
        switch kind {
        // All visitors ask from one address: nobody's pass is shown from another one.
        case .stolenPass where !self.target.hasManySources: return nil
        case .forgedPlace:
            return self.anybody { $0.isInLine }.map {
                ($0.cookies.forged(only: place), $0.machine.visitor.index, $0.machine.placeNumber)
            }
        case .forgedPass:
            return self.anybody { $0.isInside }.map { ($0.cookies.forged(only: pass), $0.machine.visitor.index, nil) }
        case .stolenPass:
            // From the address of another visitor.
            return self.anybody { $0.isInside }.map {
                ($0.cookies.taken(only: pass), $0.machine.visitor.index + 1, nil)
            }
        case .usedPass:
            return self.probes.settled(now: MonotonicClock.now()).map { ($0.cookies.taken(only: pass), $0.index, nil) }
        case .usedPlace:
            return self.probes.settled(now: MonotonicClock.now()).map { ($0.cookies.taken(only: place), $0.index, nil) }
        case .expiredPass:
            // Where nobody waits, a newcomer is let in at once, and rightly.
            guard self.hasLongLine, let session = self.room.sessionNanoseconds else { return nil }
            return self.probes.expired(sessionNanoseconds: session, now: MonotonicClock.now())
                .map { ($0.cookies.taken(only: pass), $0.index, nil) }
        }
    }
}
