// The one translation unit that holds Boost.JSON's definitions; others include <boost/json.hpp> with BOOST_JSON_STANDALONE off.
#include <boost/json/src.hpp>
