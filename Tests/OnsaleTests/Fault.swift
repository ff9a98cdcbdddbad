import Primitives
import Settings

@testable import onsale

/// A way in which a site can be broken. Each breaks promises, and only those: see `FaultWallTests`. The last few break none:
/// what happens to a sound site.
///
/// The room, its gateway and its workers are sound, and are those of production: they are given other settings than the
/// judge knows, or `FaultyProxy` stands in front of them. The journal, processes that are left and the load tool are not
/// played: what came of them is written into the evidence, so that here only the judging of it is shown.
enum Fault: String, CaseIterable, Sendable {
    // The line.
    case reversedOrder, lowestStarved, newcomersFirst, randomPositions, risingPositions, numberGivenTwice
    case placeForgotten, placeRenewed, letInTwice, starvedByRefresh, positionAlwaysFirst, numbersKeptBack
    case lowestJoining, everybodyAtDoor, placeFromACache, gatewaysDisagree, positionHalved
    // What pages say.
    case estimateTooShort, estimateSaysNothing, estimateMissing, noTimeToLookAgain, countdownWrong
    case estimateTheSameToAll, estimateScaresAway, positionMissing, numberMissing, atDoorBeforeOpening
    case estimateFrozen
    // The pace.
    case inflowDoubled, inflowHalved, burstTooLarge, stalledForTen, openedEarly, slotsExceeded, slotsNotGivenBack
    case raiseIgnored, cutIgnored, raiseByAnEighth, turnsBurnt, tailHeldBack, openedLate
    case slotsExceededByFew, sessionsCutShort, sessionsTooLong
    // The answers.
    case waitingPagesLate, answersInsideLate, oneSlowSecond, letInLate, frozenForTwo
    case pagesSwapped, errorPageAs200, answersLost, answersLostOnKept, connectionsRefused, serverErrors, unsignedErrors,
        workerErrors, visitorForgotten, turnsTheHonestAway, pagesCutOff
    // The tokens.
    case forgedPlaceTaken, forgedPassTaken, stolenPassTaken, usedPassTaken, usedPlaceTaken, expiredPassTaken,
        tokensRenamed
    // The books, and the end.
    case journalLeavesOut, journalInvents, journalTwice, journalLate, workersStay, statusLies, leavesProcess
    case agentLost, toolLate
    // What is no fault of the room.
    case slowPagesNowAndThen, workersStandStill, newcomersAskTwice

    /// Shows only where slots are scarce.
    var needsTightSlots: Bool {
        self == .slotsExceeded || self == .slotsExceededByFew || self == .sessionsTooLong
    }
}

// MARK: Settings other than those that the judge knows

extension Fault {
    func configured(_ plan: SitePlan) -> SitePlan {
        var plan = plan
        switch self {
        case .inflowDoubled: Self.change(&plan) { $0.inflowMilli *= 2 }
        case .inflowHalved: Self.change(&plan) { $0.inflowMilli /= 2 }
        // Each no-show uses up a turn.
        case .turnsBurnt: Self.change(&plan) { $0.inflowMilli = $0.inflowMilli * 94 / 100 }
        case .raiseByAnEighth: plan.changes[0].limits.inflowMilli -= 6_000
        case .burstTooLarge: Self.change(&plan) { $0.burst *= 8 }
        case .raiseIgnored: plan.changes.removeFirst()
        case .cutIgnored: plan.changes.removeLast()
        case .slotsExceeded: plan.slots *= 2
        case .slotsExceededByFew: plan.slots += 3
        case .sessionsCutShort: plan.sessionSeconds = 5
        case .sessionsTooLong: plan.sessionSeconds *= 3
        // With every slot taken nobody is let in.
        case .stalledForTen:
            var full = plan.before
            full.slots = 1
            plan.changes.insert(.init(seconds: 28, limits: full), at: 0)
            plan.changes.insert(.init(seconds: 38, limits: plan.before), at: 1)
        default: break
        }
        return plan
    }

    private static func change(_ plan: inout SitePlan, _ body: (inout SitePlan.Limits) -> Void) {
        body(&plan.before)
        for index in plan.changes.indices { body(&plan.changes[index].limits) }
    }

    func rewrite(_ settings: inout Settings) {
        if self == .workersStay {
            for index in settings.pools.indices { settings.pools[index].minWorkers = settings.pools[index].maxWorkers }
        }
        guard let later = self.opensLaterMicros else { return }
        for index in settings.rooms.indices {
            settings.rooms[index].opensAtMicros = settings.rooms[index].opensAtMicros.map { $0 + later }
        }
    }

    private var opensLaterMicros: Int64? {
        switch self {
        case .openedEarly: -4_000_000
        case .openedLate: 5_000_000
        default: nil
        }
    }
}

// MARK: Answers that are rewritten or late

extension Fault {
    /// To whom a page is shown, the how manyeth it is, and when.
    struct Look {
        var book: Int
        var looks: Int64
        var moment: FaultyProxy.Moment
        var isOpen: Bool { self.moment.isOpen }
        var isTenth: Bool { self.book.isMultiple(of: 10) }

        /// Until so many seconds after the opening.
        func isBefore(_ seconds: Double) -> Bool { self.moment.seconds < self.moment.opensAt + seconds }
    }

    /// The number that a visitor is shown instead.
    func shown(_ number: Int64) -> Int64 {
        switch self {
        case .reversedOrder: 100_000 - number
        case .numberGivenTwice: number.isMultiple(of: 50) ? number - 1 : number
        default: number
        }
    }

    /// What the gateway says of where somebody stands who is outside; nil: the truth.
    func standing(_ look: Look) -> Response.Standing? {
        switch self {
        case .everybodyAtDoor where look.isOpen, .atDoorBeforeOpening where !look.isOpen && look.looks > 2: .atDoor
        default: nil
        }
    }

    func spoil(_ page: inout WaitingPage, _ look: Look, _ draw: inout SplitMix64) {
        switch self {
        case .reversedOrder, .numberGivenTwice:
            guard let number = page.number.map(self.shown) else { break }
            page.number = number
            page.position = max(1, number - look.moment.serving)
        case .randomPositions: page.position = Int64(draw.drawInteger(1...1_000))
        case .risingPositions where look.isTenth: page.position += look.looks * 50
        case .positionAlwaysFirst: page.position = 1
        case .positionHalved: page.position = (page.position + 1) / 2
        case .everybodyAtDoor where look.isOpen: page.position = 1
        case .positionMissing where look.isTenth: page.position = 0
        case .numberMissing where look.isTenth && look.looks > 1: page.number = nil
        case .lowestJoining where page.number ?? 0 <= 200 && look.isBefore(22): page.number = nil
        case .starvedByRefresh where page.number ?? 0 <= 200 && look.isBefore(0) && !look.isBefore(-6):
            page.refreshSeconds = 25
        case .estimateTheSameToAll: page.estimateSeconds = 5...25
        case .estimateScaresAway where look.book % 5 < 2: page.estimateSeconds = 100_000...200_000
        case .estimateTooShort: page.estimateSeconds = 0...1
        case .estimateSaysNothing: page.estimateSeconds = 0...100_000
        case .estimateMissing: page.estimateSeconds = nil
        case .noTimeToLookAgain where look.isTenth: page.refreshSeconds = 0
        case .countdownWrong where page.opensInSeconds > 0: page.opensInSeconds += 10
        // The opening that everybody knows of.
        case .openedEarly, .openedLate: page.opensInSeconds = look.moment.opensInSeconds
        default: break
        }
    }

    /// The page inside is not the one that was asked for.
    func spoilsPage(_ draw: inout SplitMix64) -> Bool {
        switch self {
        case .pagesSwapped: draw.drawFlag(share: 0.02)
        case .errorPageAs200: draw.drawFlag(share: 0.005)
        default: false
        }
    }

    /// A worker's 500 stands in its place, with the mark of the request: one in twenty, for so long as a fault would last.
    func failsPage(at seconds: Double, _ draw: inout SplitMix64) -> Bool {
        self == .workerErrors && (30..<50).contains(seconds) && draw.drawFlag(share: 0.05)
    }

    /// By how many seconds an answer is kept back that was asked for at the second `sent` and is there at `answered`.
    func lateness(
        of response: Response,
        isLetIn: Bool,
        sent: Double,
        answered: Double,
        _ draw: inout SplitMix64
    ) -> Double {
        let isInside = response.standing == .admitted
        return switch self {
        case .waitingPagesLate where response.standing == .waiting: 4
        case .frozenForTwo where (30..<32).contains(answered): 32 - answered
        case .workersStandStill where isInside && (30..<30.7).contains(answered): 30.7 - answered
        case .answersInsideLate where isInside && !isLetIn: 0.4
        case .oneSlowSecond where isInside && !isLetIn && (40..<40.4).contains(sent): 3
        case .letInLate where isLetIn && draw.drawFlag(share: 0.03): 8
        case .slowPagesNowAndThen where isLetIn && draw.drawFlag(share: 0.002): 1.1
        default: 0
        }
    }
}

// MARK: Tokens and books

extension Fault {
    func takes(_ kind: ProbeKind) -> Bool {
        switch kind {
        case .forgedPlace: self == .forgedPlaceTaken
        case .forgedPass: self == .forgedPassTaken
        case .stolenPass: self == .stolenPassTaken
        case .usedPass: self == .usedPassTaken
        case .usedPlace: self == .usedPlaceTaken
        case .expiredPass: self == .expiredPassTaken
        }
    }

    /// What the journal says of each admission, the how manyeth it is given.
    func told(_ exchange: AdmissionJournal.Exchange, of index: Int) -> [AdmissionJournal.Exchange] {
        var other = exchange
        switch self {
        case .journalLeavesOut: return index.isMultiple(of: 50) ? [] : [exchange]
        case .journalInvents:
            other.number = 100_000 + Int64(index)
            return index.isMultiple(of: 50) ? [exchange, other] : [exchange]
        case .journalLate:
            if index.isMultiple(of: 50) { other.micros += 10_000_000 }
            return [other]
        case .journalTwice: return index.isMultiple(of: 50) ? [exchange, exchange] : [exchange]
        default:
            other.number = self.shown(exchange.number)
            return [self == .reversedOrder ? other : exchange]
        }
    }
}
