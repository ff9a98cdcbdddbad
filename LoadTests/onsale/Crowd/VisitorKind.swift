/// Kinds of people that are known from sales. Each is the manners of everybody, and what is different about it; a scenario
/// file can change every part of that.
enum VisitorKind: String, CaseIterable, Codable, Sendable {
    /// Nothing is different.
    case visitor
    /// Came for this, waits long and shows up.
    case fan
    /// Looks in, and is soon gone.
    case casual
    /// Presses reload all the time, whatever the page says.
    case f5
    /// Several tabs of one browser: one place.
    case tabs
    /// Several devices at one address: each has a place of its own.
    case devices
    /// Loses the network with a request on its way, and comes back with its cookies.
    case mobile
    /// Holds the goods in the basket before the last page; three in ten never pay.
    case longBasket = "long_basket"
    /// Shows no cookie: to the room a stranger each time.
    case cookieless
    /// Buys by program: no time to think, many places, a pace of its own.
    case bot
    /// Shows the pass of somebody else.
    case thief
    /// Asks for one page after the other, in or not.
    case crawler

    /// - Parameter stretch: how much longer than a minute the run is.
    func changed(_ manners: Manners, stretch: Double) -> Manners {
        var manners = manners
        switch self {
        case .visitor: break
        case .fan:
            manners.toleratedWaitSeconds = min(manners.toleratedWaitSeconds * 3, 86_400)
            manners.noShowShare /= 4
            manners.eagerShare = min(1, manners.eagerShare * 5)
        case .casual:
            manners.toleratedWaitSeconds *= 0.4
            manners.noShowShare = min(1, manners.noShowShare * 2)
            manners.eagerShare = 0
        case .f5:
            manners.eagerShare = 1
            manners.eagerWindowSeconds = 86_400
        case .tabs:
            (manners.fewestPlaces, manners.mostPlaces) = (2, 6)
            manners.cookies = .shared
            manners.leavePageShare = 0
        case .devices: (manners.fewestPlaces, manners.mostPlaces) = (2, 3)
        case .mobile: manners.lossShare = 0.15
        case .longBasket:
            manners.basketSeconds = 10 * stretch
            manners.leavePageShare = 0.7
        case .cookieless: manners.cookies = .none
        case .bot:
            manners.thinkMedianSeconds = 0.001
            manners.ownPaceSeconds = 0.5
            (manners.fewestPlaces, manners.mostPlaces) = (4, 10)
            manners.toleratedWaitSeconds = 86_400
            manners.noShowShare = 0
            manners.eagerShare = 0
            manners.mostRetries = 20
            manners.immediateRetryShare = 1
            manners.fixedRetryShare = 0
        case .thief:
            manners.cookies = .stolen
            manners.noShowShare = 0
        case .crawler:
            manners.cookies = .none
            manners.waitsInLine = false
            (manners.fewestRequests, manners.mostRequests) = (10, 40)
            manners.thinkMedianSeconds = 0.2
            manners.noShowShare = 0
            manners.eagerShare = 0
        }
        return manners
    }
}
