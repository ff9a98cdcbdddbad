import Admission
import Primitives

@testable import onsale

/// A way in which a site can be broken. Each breaks promises, and only those: see `FaultWallTests`. The last few break none:
/// what happens to a sound site.
///
/// Tokens, the journal, processes that are left and the load tool are not played: what came of them is written into the
/// evidence, so that here only the judging of it is shown.
enum Fault: String, CaseIterable, Sendable {
    // The line.
    case reversedOrder, lowestStarved, newcomersFirst, randomPositions, risingPositions, numberGivenTwice
    case placeForgotten, placeRenewed, letInTwice, starvedByRefresh, positionAlwaysFirst, numbersKeptBack
    case lowestJoining, everybodyAtDoor
    // What pages say.
    case estimateTooShort, estimateSaysNothing, estimateMissing, noTimeToLookAgain, countdownWrong
    case estimateTheSameToAll, estimateScaresAway, positionMissing, numberMissing, atDoorBeforeOpening
    // The pace.
    case inflowDoubled, inflowHalved, burstTooLarge, stalledForTen, openedEarly, slotsExceeded, slotsNotGivenBack
    case raiseIgnored, cutIgnored, raiseByAnEighth, turnsBurnt, tailHeldBack, slotsExceededByATenth
    // The answers.
    case waitingPagesLate, answersInsideLate, oneSlowSecond, letInLate, frozenForTwo
    case pagesSwapped, errorPageAs200, answersLost, answersLostOnKept, connectionsRefused, serverErrors, unsignedErrors,
        visitorForgotten
    // The tokens.
    case forgedPlaceTaken, forgedPassTaken, stolenPassTaken, usedPassTaken, usedPlaceTaken, expiredPassTaken,
        tokensRenamed
    // The books, and the end.
    case journalLeavesOut, journalInvents, journalTwice, workersStay, leavesProcess, agentLost, toolLate
    // What is no fault of the room.
    case slowPagesNowAndThen, workersStandStill
}

extension Fault {
    /// When a page is shown, and the how manyeth it is for the visitor.
    struct Moment {
        var seconds: Double
        var opensAt: Double
        var looks: Int64
        var isOpen: Bool { self.seconds >= self.opensAt }
    }

    /// The limits as a gateway with this fault takes them.
    func taken(_ limits: RoomLimits) -> RoomLimits {
        let (inflow, burst, slots): (Int64, Int64, Int64) =
            switch self {
            // Who goes past the line adds nothing to the pace.
            case .newcomersFirst: (limits.inflowMilli * 9 / 10, limits.burst - 2, limits.slots)
            case .inflowDoubled: (limits.inflowMilli * 2, limits.burst, limits.slots)
            case .raiseByAnEighth where limits.inflowMilli > 20_000:
                (limits.inflowMilli - 6_000, limits.burst, limits.slots)
            // Each no-show uses up a turn.
            case .turnsBurnt: (limits.inflowMilli * 94 / 100, limits.burst, limits.slots)
            case .inflowHalved: (limits.inflowMilli / 2, limits.burst, limits.slots)
            case .burstTooLarge: (limits.inflowMilli, limits.burst * 20, limits.slots)
            case .slotsExceeded: (limits.inflowMilli, limits.burst, limits.slots * 2)
            case .slotsExceededByATenth: (limits.inflowMilli, limits.burst, limits.slots * 11 / 10)
            default: (limits.inflowMilli, limits.burst, limits.slots)
            }
        return RoomLimits(
            inflowMilli: inflow,
            burst: burst,
            slots: slots,
            sessionMicros: limits.sessionMicros,
            claimMicros: limits.claimMicros,
            horizonMicros: limits.horizonMicros,
            opensAtMicros: limits.opensAtMicros - (self == .openedEarly ? 4_000_000 : 0)
        )
    }

    func ignores(isRaise: Bool) -> Bool { self == (isRaise ? .raiseIgnored : .cutIgnored) }

    func stalls(seconds: Double) -> Bool { self == .stalledForTen && (28..<38).contains(seconds) }

    /// The number that a visitor is shown instead.
    func shown(_ number: Int64) -> Int64 {
        switch self {
        case .reversedOrder: 100_000 - number
        case .numberGivenTwice: number.isMultiple(of: 50) ? number - 1 : number
        default: number
        }
    }

    /// What the gateway says of where somebody stands who is outside.
    func standing(_ moment: Moment) -> Response.Standing {
        switch self {
        case .everybodyAtDoor where moment.isOpen: .atDoor
        case .atDoorBeforeOpening where !moment.isOpen && moment.looks > 2: .atDoor
        default: .waiting
        }
    }

    func spoil(_ page: inout WaitingPage, index: Int, _ moment: Moment, _ draw: inout SplitMix64) {
        switch self {
        case .randomPositions: page.position = Int64(draw.drawInteger(1...1_000))
        case .risingPositions where index.isMultiple(of: 10): page.position += moment.looks * 50
        case .positionAlwaysFirst: page.position = 1
        case .everybodyAtDoor where moment.isOpen: page.position = 1
        case .positionMissing where index.isMultiple(of: 10): page.position = 0
        case .numberMissing where index.isMultiple(of: 10) && moment.looks > 1: page.number = nil
        case .lowestJoining where page.number ?? 0 <= 200 && moment.seconds < moment.opensAt + 22: page.number = nil
        case .starvedByRefresh where page.number ?? 0 <= 200 && !moment.isOpen && moment.seconds > moment.opensAt - 6:
            page.refreshSeconds = 25
        case .estimateTheSameToAll: page.estimateSeconds = 5...25
        case .estimateScaresAway where index % 5 < 2: page.estimateSeconds = 100_000...200_000
        case .estimateTooShort: page.estimateSeconds = 0...1
        case .estimateSaysNothing: page.estimateSeconds = 0...100_000
        case .estimateMissing: page.estimateSeconds = nil
        case .noTimeToLookAgain where index.isMultiple(of: 10): page.refreshSeconds = 0
        case .countdownWrong where page.opensInSeconds > 0: page.opensInSeconds += 10
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

    func latenessInside(seconds: Double, isLetIn: Bool, _ draw: inout SplitMix64) -> Int64 {
        switch self {
        case .answersInsideLate where !isLetIn: 400 * Nanoseconds.perMillisecond
        case .oneSlowSecond where !isLetIn && (40..<40.4).contains(seconds): 3 * Nanoseconds.perSecond
        case .letInLate where isLetIn && draw.drawFlag(share: 0.03): 8 * Nanoseconds.perSecond
        case .slowPagesNowAndThen where isLetIn && draw.drawFlag(share: 0.002): 1_100 * Nanoseconds.perMillisecond
        default: 0
        }
    }

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
        case .journalTwice: return index.isMultiple(of: 50) ? [exchange, exchange] : [exchange]
        default:
            other.number = self.shown(exchange.number)
            return [self == .reversedOrder ? other : exchange]
        }
    }
}
